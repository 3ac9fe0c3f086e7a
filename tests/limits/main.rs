//! Rates, quotas and keys under many clients at once and across deaths of the node: exact numbers,
//! never approximate ones.

mod keys;
mod quota;
mod rate;
