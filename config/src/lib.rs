//! Files in, model and snapshot out.
