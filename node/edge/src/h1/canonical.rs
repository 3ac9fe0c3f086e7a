//! What the dispatcher reads in place of the client's head: only what it needs to know, which is
//! whether the response has a body, how the request body is framed, whether the connection goes
//! on and whether to write `100 Continue`.

use std::io::Write;

use bytes::{BufMut, BytesMut};
use tollgate_message::{Method, Version};

use super::head::{Framing, Head};

/// A request whose only purpose is its answer, after which the connection ends.
const REFUSED: &[u8] = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";

/// Writes the head of a request.
pub(crate) fn write_head(out: &mut BytesMut, head: &Head) {
    let http10 = head.version == Version::Http10;
    out.extend_from_slice(if head.method == Method::Head {
        b"HEAD"
    } else {
        b"GET"
    });
    out.extend_from_slice(if http10 {
        b" / HTTP/1.0"
    } else {
        b" / HTTP/1.1"
    });
    out.extend_from_slice(b"\r\nhost: h\r\n");
    if !head.keep_alive {
        out.extend_from_slice(b"connection: close\r\n");
    } else if http10 {
        out.extend_from_slice(b"connection: keep-alive\r\n");
    }
    let has_body = match head.framing {
        Framing::Empty => false,
        Framing::Length(length) => {
            // Writing to memory cannot fail.
            write!(out.writer(), "content-length: {length}\r\n").ok();
            true
        }
        Framing::Chunked => {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
            true
        }
        Framing::Tunnel => {
            out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\n");
            false
        }
    };
    if head.expects_continue && has_body {
        out.extend_from_slice(b"expect: 100-continue\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the head of a request that is refused.
pub(crate) fn write_refused(out: &mut BytesMut) {
    out.extend_from_slice(REFUSED);
}
