//! Bytes that mean different things to different readers, sent raw to a running node. Whatever a
//! client or a back end writes, one request stays one request and one answer stays one answer.

mod answers;
mod headers;
mod requests;
mod shapes;
