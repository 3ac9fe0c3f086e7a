//! Where data and talk go.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// A place that text is written to.
pub(super) type Sink = Arc<Mutex<dyn Write + Send>>;

/// Standard output for data, standard error for talk.
#[derive(Clone)]
pub(super) struct Output {
    data: Sink,
    talk: Sink,
}

impl Output {
    /// The process's own.
    pub(super) fn standard() -> Self {
        Self::to(
            Arc::new(Mutex::new(io::stdout())),
            Arc::new(Mutex::new(io::stderr())),
        )
    }

    /// These two.
    pub(super) fn to(data: Sink, talk: Sink) -> Self {
        Self { data, talk }
    }

    /// One or more lines of data.
    pub(super) fn data(&self, text: &str) {
        write(&self.data, text);
    }

    /// Data as indented JSON.
    pub(super) fn json<T: Serialize>(&self, value: &T) {
        self.data(&serde_json::to_string_pretty(value).unwrap_or_default());
    }

    /// One or more lines for the person at the terminal.
    pub(super) fn talk(&self, text: &str) {
        write(&self.talk, text);
    }
}

/// Whoever reads may have gone, as `head` does: there is nobody left to tell.
fn write(sink: &Sink, text: &str) {
    let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
    drop(writeln!(sink, "{text}"));
    drop(sink.flush());
}
