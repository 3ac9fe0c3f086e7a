//! Names, units, limits and byte formats that every other package shares.
