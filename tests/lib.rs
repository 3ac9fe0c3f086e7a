//! The test suites live beside this file, one folder each.
