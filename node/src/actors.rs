//! The actors of a node: thin shells around plain structs.
//!
//! They run on one thread of their own. Requests never wait for a mailbox: they read what the
//! actors published (a snapshot, a token count) and only a quota that ran dry asks and waits.

mod allowances;
mod low;
mod route;
mod throttle;
mod waiting;

pub use allowances::Allowances;
pub use route::{OnPublish, RouteActor, RouteHandle, Served};
pub use throttle::{ThrottleActor, ThrottleHandle};

/// Messages that may wait in an actor's mailbox. A full one means that the actor cannot keep up:
/// the sender then does without, as each call says.
const MAILBOX_MESSAGES_MAX: usize = 4096;
