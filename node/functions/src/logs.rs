//! Lines that processes write, on their way to the log. Reading never stops, whatever the sink
//! or the rate limit say: a process that floods its output must neither block nor fill memory.

use core::fmt;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::Instant;

use crate::limits::{
    LOG_LINE_BYTES_MAX, LOG_LINES_BURST, LOG_LINES_PER_SECOND, LOG_LINES_RESUME, LOG_READ_BYTES,
};

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSource {
    /// The process, to its standard output.
    Stdout,
    /// The process, to its standard error output.
    Stderr,
    /// The node, about the process.
    Platform,
}

/// A line of the log of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// The function.
    pub function: Arc<str>,
    /// The operating system's number of the process, 0 when it was not started.
    pub process_id: u32,
    /// The invocation that ran when the line was read, or ran last. `None` during the start.
    pub request_id: Option<Arc<str>>,
    /// Who wrote it.
    pub source: LogSource,
    /// The line without its end, at most 8 KiB; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// Where lines go. It is called on the runtime of the functions and must not block.
#[derive(Clone)]
pub struct LogSink(Arc<dyn Fn(LogRecord) + Send + Sync>);

impl LogSink {
    /// A sink that calls a function for every line.
    pub fn new(write: impl Fn(LogRecord) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    /// Writes one line.
    pub(crate) fn write(&self, record: LogRecord) {
        (self.0)(record);
    }
}

impl fmt::Debug for LogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogSink")
    }
}

/// Reads one output of a process to its end. `write` gets a line, or how many were dropped.
pub(crate) async fn forward(mut output: impl AsyncRead + Unpin, write: impl Fn(Line)) {
    let mut buffer = vec![0; LOG_READ_BYTES];
    let mut lines = Lines::new(Instant::now());
    // An error means that the pipe is broken, which is its end too.
    while let Ok(read @ 1..) = output.read(&mut buffer).await {
        lines.push(&buffer[..read], Instant::now(), &write);
    }
    lines.end(&write);
}

/// What becomes of the lines of an output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line.
    Text(String),
    /// So many lines were dropped here.
    Dropped(u64),
}

/// Cuts bytes into lines and drops those beyond the rate.
struct Lines {
    /// The beginning of a line whose end was not read yet, at most [`LOG_LINE_BYTES_MAX`].
    open: Vec<u8>,
    /// The line goes on, but no more of it is kept.
    cut: bool,
    tokens: u32,
    /// Lines are dropped until there are tokens for a few again, so that a flood is not a log of
    /// single lines, each with a note that others are missing.
    flooded: bool,
    refilled: Instant,
    dropped: u64,
}

impl Lines {
    fn new(now: Instant) -> Self {
        Self {
            open: Vec::new(),
            cut: false,
            tokens: LOG_LINES_BURST,
            flooded: false,
            refilled: now,
            dropped: 0,
        }
    }

    fn push(&mut self, mut bytes: &[u8], now: Instant, write: &impl Fn(Line)) {
        self.refill(now);
        while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(&bytes[..at]);
            self.finish(write);
            bytes = &bytes[at + 1..];
        }
        self.extend(bytes);
    }

    fn end(&mut self, write: &impl Fn(Line)) {
        if !self.open.is_empty() {
            self.finish(write);
        }
        self.tell_dropped(write);
    }

    fn extend(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(LOG_LINE_BYTES_MAX - self.open.len());
        self.cut |= kept < bytes.len();
        self.open.extend_from_slice(&bytes[..kept]);
    }

    fn finish(&mut self, write: &impl Fn(Line)) {
        self.flooded |= self.tokens == 0;
        if self.flooded {
            self.dropped += 1;
        } else {
            self.tell_dropped(write);
            self.tokens -= 1;
            if self.open.last() == Some(&b'\r') {
                self.open.pop();
            }
            let mut text = String::from_utf8_lossy(&self.open).into_owned();
            if self.cut {
                text.push_str(" [cut]");
            }
            write(Line::Text(text));
        }
        self.open.clear();
        self.cut = false;
    }

    fn tell_dropped(&mut self, write: &impl Fn(Line)) {
        let dropped = core::mem::take(&mut self.dropped);
        if dropped > 0 {
            write(Line::Dropped(dropped));
        }
    }

    fn refill(&mut self, now: Instant) {
        let elapsed_ms = now.saturating_duration_since(self.refilled).as_millis();
        let earned = elapsed_ms * u128::from(LOG_LINES_PER_SECOND) / 1000;
        if earned > 0 {
            let earned = u32::try_from(earned).unwrap_or(u32::MAX);
            self.tokens = self.tokens.saturating_add(earned).min(LOG_LINES_BURST);
            self.flooded &= self.tokens < LOG_LINES_RESUME;
            self.refilled = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use core::cell::RefCell;
    use core::time::Duration;

    use super::*;

    fn lines(pushes: &[(u64, &[u8])]) -> Vec<Line> {
        let start = Instant::now();
        let seen = RefCell::new(Vec::new());
        let write = |line| seen.borrow_mut().push(line);
        let mut lines = Lines::new(start);
        for (at_ms, bytes) in pushes {
            lines.push(bytes, start + Duration::from_millis(*at_ms), &write);
        }
        lines.end(&write);
        seen.into_inner()
    }

    fn text(text: &str) -> Line {
        Line::Text(text.into())
    }

    #[test]
    fn joins_what_was_read_apart() {
        let seen = lines(&[(0, b"on"), (0, b"e\ntwo\r\n\nth"), (0, b"ree")]);
        assert_eq!(seen, [text("one"), text("two"), text(""), text("three")]);
    }

    #[test]
    fn cuts_long_lines_and_replaces_bad_bytes() {
        let long = [b'x'; LOG_LINE_BYTES_MAX * 3];
        let seen = lines(&[(0, &long), (0, &long), (0, b"\nnext \xff\n")]);
        let Line::Text(first) = &seen[0] else {
            panic!("{seen:?}")
        };
        assert_eq!(first.len(), LOG_LINE_BYTES_MAX + " [cut]".len());
        assert_eq!(seen[1..], [text("next \u{fffd}")]);
    }

    #[test]
    fn a_line_of_exactly_the_limit_is_whole() {
        let mut line = vec![b'x'; LOG_LINE_BYTES_MAX];
        line.push(b'\n');
        let Line::Text(seen) = &lines(&[(0, &line)])[0] else {
            panic!()
        };
        assert_eq!(seen.len(), LOG_LINE_BYTES_MAX);
        let Line::Text(seen) = &lines(&[(0, &line[..100]), (0, &line[100..])])[0] else {
            panic!()
        };
        assert_eq!(seen.len(), LOG_LINE_BYTES_MAX);
    }

    #[test]
    fn drops_beyond_the_rate_and_says_how_many() {
        let flood = b"x\n".repeat(LOG_LINES_BURST as usize + 500);
        let seen = lines(&[(0, &flood), (50, b""), (1000, b"later\n")]);
        assert_eq!(seen.len(), LOG_LINES_BURST as usize + 2);
        assert_eq!(
            seen[LOG_LINES_BURST as usize..],
            [Line::Dropped(500), text("later")]
        );
        let seen = lines(&[(0, &flood)]);
        assert_eq!(seen.last(), Some(&Line::Dropped(500)));
    }
}
