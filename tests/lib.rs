//! The test suites live beside this file, one folder each. Here is only what several suites say in
//! the same words: API files, and scripts of the SDK.

pub mod certificates;
pub mod drivers;
pub mod files;
