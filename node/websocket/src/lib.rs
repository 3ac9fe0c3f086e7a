//! WebSocket connections (RFC 6455, RFC 7692) after an upgrade.
//!
//! From the bottom: [`Decoder`] and [`encode`] are the protocol without any IO; [`accept`] is the
//! handshake as a function of a request; [`Session`] drives one upgraded byte stream; [`Sender`]
//! is how anybody, on any thread, sends to it. Why not a library: the codecs at hand buffer an
//! over-long frame before they refuse it or queue without bounds, and none leaves an idle
//! connection without a buffer, a timer or a task of its own.
//!
//! Everything about one connection is decided by [`Limits`]. What the connections of a worker
//! thread share (a read buffer, the timer wheel, compression) is its [`Local`].
//!
//! ```
//! use std::rc::Rc;
//!
//! use tollgate_message::{Body, Request, Response, Upgrade};
//! use tollgate_websocket::{Limits, Local, Outgoing, Session, accept, channel};
//!
//! /// Answers an upgrade with a connection that echoes.
//! fn echo(request: &Request, local: Rc<Local>) -> Response {
//!     let offer = match accept(request) {
//!         Ok(offer) => offer,
//!         Err(refusal) => return refusal.response(),
//!     };
//!     let limits = Rc::new(Limits::default());
//!     // Messages may be sent before the connection is open: they wait in the channel.
//!     let (sender, receiver) = channel(&limits);
//!     let agreed = offer.agree(None, true);
//!     let upgrade = Upgrade::new(move |upgraded| async move {
//!         let session = Session::new(upgraded, receiver, limits, agreed.deflate, &local);
//!         let closed = session
//!             .run(|message| {
//!                 // A message that takes time is answered by a future: nothing is read until it
//!                 // ends, while what others send goes on being written.
//!                 let answer = Outgoing::new(message.kind, &message.payload);
//!                 sender.try_send(&answer);
//!                 None
//!             })
//!             .await;
//!         println!("{} {}", closed.code, closed.reason);
//!     });
//!     Response { status: 101, headers: agreed.headers, body: Body::Upgrade(upgrade) }
//! }
//! # let _ = echo;
//! ```
#![forbid(unsafe_code)]

mod channel;
mod close;
mod decode;
mod deflate;
mod frame;
mod handshake;
mod limits;
mod local;
mod mask;
mod outgoing;
mod session;
mod utf8;
mod violation;
mod wheel;

pub use channel::{Receiver, Sender, Sent, channel};
pub use close::{Cause, CloseFrame, Closed, code};
pub use decode::{Decoder, Event, Kind, Message, Policy, Role};
pub use deflate::{Deflate, Inflate};
pub use frame::{Opcode, encode};
pub use handshake::{Agreed, Offer, Refusal, accept};
pub use limits::Limits;
pub use local::Local;
pub use outgoing::Outgoing;
pub use session::{Busy, Session};
pub use violation::Violation;
