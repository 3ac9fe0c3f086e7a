//! Command lines in, output and exit codes out.
