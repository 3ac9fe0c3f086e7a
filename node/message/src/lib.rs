//! HTTP messages as plain values, free of any HTTP library.
//!
//! The listeners (`tollgate-edge`), the request path (`tollgate-pipeline`), the upstream client
//! (`tollgate-upstream`) and the function runtime (`tollgate-functions`) speak to each other in
//! these types only, so that each of them can be rewritten without touching another.
#![forbid(unsafe_code)]

mod body;
mod headers;
mod request;
mod response;
mod upgrade;

pub use body::{Body, BodyError, BodyStream};
pub use headers::{HeaderList, HeaderListIter};
pub use request::{Method, Request, Version};
pub use response::Response;
pub use upgrade::{Duplex, Life, Upgrade, Upgraded};
