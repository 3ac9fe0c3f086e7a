//! Log lines on their way to files and to the terminal, without ever holding a request up.
//!
//! Workers append lines to buffers of their own and hand full buffers to one writer thread through
//! a bounded queue. When the disk cannot keep up, lines are dropped and counted, not waited for.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tollgate_config::snapshot::LogDestination;

/// A worker's buffer is handed over when it is this full.
const BUFFER_BYTES: usize = 32 * 1024;
/// Buffers that may wait for the writer: 512 of 32 KiB are 16 MiB.
const QUEUE_BUFFERS_MAX: usize = 512;
/// Files that are held open; beyond it the least is reopened.
const FILES_OPEN_MAX: usize = 256;

enum Message {
    Lines {
        destination: LogDestination,
        lines: Vec<u8>,
        count: u64,
    },
    Reopen,
    Flush(SyncSender<()>),
}

/// A handle to the writer thread; each worker makes a [`LogBuffer`] of it.
#[derive(Clone)]
pub struct LogWriter {
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl LogWriter {
    /// Starts the writer thread. Files are made in `directory`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(directory: PathBuf) -> io::Result<Self> {
        let (queue, inbox) = sync_channel(QUEUE_BUFFERS_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&dropped);
        std::thread::Builder::new()
            .name("logs".into())
            .spawn(move || Files::new(directory, counter).run(&inbox))?;
        Ok(Self { queue, dropped })
    }

    /// Lines that were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Opens all files anew, after they were renamed (log rotation, SIGHUP).
    pub fn reopen(&self) {
        if self.queue.send(Message::Reopen).is_err() {
            tracing::error!("the log writer has ended");
        }
    }

    /// Waits until everything handed over before is written.
    pub fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.queue.send(Message::Flush(done)).is_ok() {
            // An error means that the writer ended.
            written.recv().ok();
        }
    }

    /// Hands lines over; drops them when the queue is full.
    fn send(&self, destination: LogDestination, lines: Vec<u8>, count: u64) {
        if self
            .queue
            .try_send(Message::Lines {
                destination,
                lines,
                count,
            })
            .is_err()
        {
            self.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }
}

/// One worker's lines that are not handed over yet.
pub struct LogBuffer {
    writer: LogWriter,
    buffers: RefCell<HashMap<LogDestination, Pending, foldhash::fast::RandomState>>,
    /// Whether a flush is on its way.
    scheduled: Cell<bool>,
}

#[derive(Default)]
struct Pending {
    lines: Vec<u8>,
    count: u64,
}

impl LogBuffer {
    /// An empty buffer.
    #[must_use]
    pub fn new(writer: LogWriter) -> Self {
        Self {
            writer,
            buffers: RefCell::default(),
            scheduled: Cell::new(false),
        }
    }

    /// Appends a line, which `write` makes without its end. The caller flushes soon when
    /// [`LogBuffer::schedule_flush`] says that no flush is on its way yet.
    pub fn line(&self, destination: &LogDestination, write: impl FnOnce(&mut Vec<u8>)) {
        let mut buffers = self.buffers.borrow_mut();
        if !buffers.contains_key(destination) {
            buffers.insert(destination.clone(), Pending::default());
        }
        let Some(pending) = buffers.get_mut(destination) else {
            return;
        };
        write(&mut pending.lines);
        pending.lines.push(b'\n');
        pending.count += 1;
        if pending.lines.len() >= BUFFER_BYTES {
            let full = Pending {
                lines: Vec::with_capacity(BUFFER_BYTES + 1024),
                count: 0,
            };
            let Pending { lines, count } = std::mem::replace(pending, full);
            self.writer.send(destination.clone(), lines, count);
        }
    }

    /// Whether the caller has to see to a flush: true once, until it happened.
    pub fn schedule_flush(&self) -> bool {
        !self.scheduled.replace(true)
    }

    /// Hands over everything.
    pub fn flush(&self) {
        self.scheduled.set(false);
        for (destination, pending) in self.buffers.borrow_mut().iter_mut() {
            if pending.count > 0 {
                let Pending { lines, count } = std::mem::take(pending);
                self.writer.send(destination.clone(), lines, count);
            }
        }
    }
}

impl Drop for LogBuffer {
    fn drop(&mut self) {
        self.flush();
    }
}

/// The writer thread's side.
struct Files {
    directory: PathBuf,
    open: HashMap<Box<str>, File>,
    dropped: Arc<AtomicU64>,
    failing: bool,
}

impl Files {
    fn new(directory: PathBuf, dropped: Arc<AtomicU64>) -> Self {
        Self {
            directory,
            open: HashMap::new(),
            dropped,
            failing: false,
        }
    }

    fn run(mut self, inbox: &Receiver<Message>) {
        while let Ok(message) = inbox.recv() {
            match message {
                Message::Lines {
                    destination,
                    lines,
                    count,
                } => {
                    let written = self.write(&destination, &lines);
                    if let Err(error) = &written {
                        self.dropped.fetch_add(count, Ordering::Relaxed);
                        if !self.failing {
                            tracing::error!(%error, ?destination, "log lines cannot be written");
                        }
                    }
                    self.failing = written.is_err();
                }
                Message::Reopen => self.open.clear(),
                // Whoever waited may be gone.
                Message::Flush(done) => done.send(()).unwrap_or_default(),
            }
        }
    }

    fn write(&mut self, destination: &LogDestination, lines: &[u8]) -> io::Result<()> {
        match destination {
            LogDestination::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(lines)?;
                out.flush()
            }
            LogDestination::File(name) => {
                if self.open.len() >= FILES_OPEN_MAX && !self.open.contains_key(name) {
                    self.open.clear();
                }
                if !self.open.contains_key(name) {
                    let file = append_to(&self.directory, name)?;
                    self.open.insert(name.clone(), file);
                }
                match self.open.get_mut(name) {
                    Some(file) => file.write_all(lines),
                    None => Ok(()),
                }
            }
        }
    }
}

fn append_to(directory: &Path, name: &str) -> io::Result<File> {
    std::fs::create_dir_all(directory)?;
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(directory.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> LogDestination {
        LogDestination::File(name.into())
    }

    #[test]
    fn lines_arrive_in_order_and_rotation_opens_a_new_file() {
        let dir = tempfile::tempdir().unwrap();
        let writer = LogWriter::start(dir.path().to_owned()).unwrap();
        let buffer = LogBuffer::new(writer.clone());
        for n in 0..5_000 {
            buffer.line(&file("a.log"), |out| {
                out.extend_from_slice(format!("{n}").as_bytes())
            });
        }
        assert!(buffer.schedule_flush() && !buffer.schedule_flush());
        buffer.flush();
        assert!(buffer.schedule_flush());
        writer.flush();
        std::fs::rename(dir.path().join("a.log"), dir.path().join("a.log.1")).unwrap();
        writer.reopen();
        buffer.line(&file("a.log"), |out| out.extend_from_slice(b"after"));
        drop(buffer);
        writer.flush();
        let old = std::fs::read_to_string(dir.path().join("a.log.1")).unwrap();
        let wanted: Vec<String> = (0..5_000).map(|n| n.to_string()).collect();
        assert_eq!(old.lines().collect::<Vec<_>>(), wanted);
        assert_eq!(
            std::fs::read_to_string(dir.path().join("a.log")).unwrap(),
            "after\n"
        );
        assert_eq!(writer.dropped(), 0);
    }

    #[test]
    fn what_cannot_be_written_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let blocked = dir.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let writer = LogWriter::start(blocked).unwrap();
        let buffer = LogBuffer::new(writer.clone());
        for _ in 0..3 {
            buffer.line(&file("a.log"), |out| out.extend_from_slice(b"x"));
        }
        buffer.flush();
        writer.flush();
        assert_eq!(writer.dropped(), 3);
    }
}
