//! What the connections of a worker share so that a request allocates little: buffers and the
//! text of the current second. A connection that waits for its next request holds no buffer.

use core::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// Bytes that a fresh buffer has room for; also how much is read at a time.
pub(crate) const BUFFER_BYTES: usize = 8 * 1024;
/// Buffers kept for reuse, per worker: as many as the connections that are busy at a time.
const BUFFERS_MAX: usize = 64;
/// A buffer that grew past this is not kept.
const KEPT_BYTES_MAX: usize = 4 * BUFFER_BYTES;

/// RFC 9110, section 5.6.7.
const IMF_FIXDATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// The shared things of one worker.
#[derive(Default)]
pub(crate) struct Scratch {
    buffers: RefCell<Vec<BytesMut>>,
    date: RefCell<Date>,
}

#[derive(Default)]
struct Date {
    unix_s: u64,
    text: String,
}

impl Scratch {
    /// An empty buffer.
    pub(crate) fn take(&self) -> BytesMut {
        let kept = self.buffers.borrow_mut().pop();
        kept.unwrap_or_else(|| BytesMut::with_capacity(BUFFER_BYTES))
    }

    /// Keeps a buffer for the next one who needs one.
    pub(crate) fn give(&self, mut buffer: BytesMut) {
        let mut buffers = self.buffers.borrow_mut();
        if buffer.capacity() == 0 || buffers.len() >= BUFFERS_MAX {
            return;
        }
        buffer.clear();
        // Takes back the room of what was read out of it.
        buffer.reserve(BUFFER_BYTES);
        if buffer.capacity() <= KEPT_BYTES_MAX {
            buffers.push(buffer);
        }
    }

    /// Writes the value of `Date` for now.
    pub(crate) fn write_date(&self, out: &mut BytesMut) {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let unix_s = since_epoch.map_or(0, |since| since.as_secs());
        let mut date = self.date.borrow_mut();
        if date.unix_s != unix_s || date.text.is_empty() {
            date.unix_s = unix_s;
            date.text = imf_fixdate(unix_s);
        }
        out.extend_from_slice(date.text.as_bytes());
    }
}

fn imf_fixdate(unix_s: u64) -> String {
    i64::try_from(unix_s)
        .ok()
        .and_then(|unix_s| OffsetDateTime::from_unix_timestamp(unix_s).ok())
        .and_then(|now| now.format(IMF_FIXDATE).ok())
        // No clock shows a year past 9999.
        .unwrap_or_else(|| "Thu, 01 Jan 1970 00:00:00 GMT".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_rfc_9110() {
        assert_eq!(imf_fixdate(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(imf_fixdate(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(imf_fixdate(1_709_164_800), "Thu, 29 Feb 2024 00:00:00 GMT");
    }

    #[test]
    fn keeps_few_buffers_and_none_that_grew() {
        let scratch = Scratch::default();
        let mut buffer = scratch.take();
        buffer.extend_from_slice(b"secret");
        scratch.give(buffer);
        assert_eq!(scratch.take(), b""[..]);
        scratch.give(BytesMut::with_capacity(KEPT_BYTES_MAX * 2));
        scratch.give(BytesMut::new());
        assert!(scratch.buffers.borrow().is_empty());
        for _ in 0..2 * BUFFERS_MAX {
            scratch.give(BytesMut::with_capacity(BUFFER_BYTES));
        }
        assert_eq!(scratch.buffers.borrow().len(), BUFFERS_MAX);
    }
}
