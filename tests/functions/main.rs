//! Functions through the whole gateway: a request becomes an event, a reply becomes a response, and
//! what functions do wrong stays theirs. Every behaviour is shown for Python and for Node.js.

mod code;
mod endpoint;
mod events;
mod faults;
mod processes;
mod provided;
mod replies;
mod streams;
