//! The test suites live beside this file, one folder each. Here is only what several suites say in
//! the same words: API files.

pub mod files;
