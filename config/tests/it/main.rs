//! What the package does for its users, from files to models and messages.

mod bombs;
mod document;
mod fuzz;
mod golden;
mod import;
mod node;
