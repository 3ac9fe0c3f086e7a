//! The test suites live beside this file, one folder each. Here is only what several suites say in
//! the same words: API files, scripts of the SDK, and signed calls.

pub mod certificates;
pub mod drivers;
pub mod files;
pub mod signed;
