//! The resource model: what a gateway is configured to be.
