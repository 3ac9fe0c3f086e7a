//! Bodies that a process sends, each with a limit.

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::limits::REFUSED_BYTES_MAX;

/// Why a body is not at hand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is larger than the limit; the rest of it was not read.
    TooLarge,
    /// It ended early.
    Broken,
}

/// Reads a whole body.
pub(super) async fn collect(body: &mut Incoming, bytes_max: usize) -> Result<Bytes, Unread> {
    let announced = body.size_hint().lower();
    if announced > bytes_max as u64 {
        return Err(Unread::TooLarge);
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else {
            continue;
        };
        if first.len() + all.len() + data.len() > bytes_max {
            return Err(Unread::TooLarge);
        }
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            // Not beyond the limit, as was checked.
            all.reserve(
                usize::try_from(announced)
                    .unwrap_or_default()
                    .max(2 * first.len()),
            );
            all.extend_from_slice(&core::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// Reads what is left and drops it, so that the process gets to read the answer.
pub(super) async fn discard(body: &mut Incoming) {
    let mut left = REFUSED_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(bytes) {
            Some(less) => left = less,
            None => return,
        }
    }
}
