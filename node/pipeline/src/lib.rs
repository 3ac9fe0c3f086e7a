//! The request path as plain functions over a snapshot.
