//! WebSocket connections by the letter of RFC 6455 and RFC 7692, over TCP: hundreds of cases that
//! say what is sent and what must come back, other people's clients, and hostile ones.
//!
//! The server is the listener and the sessions of a node, with an echo in place of routes.

mod case;
mod cases;
mod conformance;
mod echo;
mod frames;
mod hostile;
mod idle;
mod peers;
mod raw;
