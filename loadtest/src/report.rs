//! Reports as single HTML files.

pub mod compare;
pub mod format;
pub mod page;
pub mod run;
pub mod svg;

pub use self::compare::compare_page;
pub use self::run::run_page;
