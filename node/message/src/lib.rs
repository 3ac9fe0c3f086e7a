//! HTTP messages as plain values, free of any HTTP library.
