//! Reports as single HTML files.

pub mod format;
pub mod page;
pub mod run;
pub mod svg;

pub use self::run::run_page;
