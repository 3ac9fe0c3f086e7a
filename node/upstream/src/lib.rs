//! HTTP back ends: pools, balancing, health, retries.
