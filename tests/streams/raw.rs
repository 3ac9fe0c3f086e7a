//! A back end made of one function over a bare socket: for answers larger, slower or stranger than
//! the scripted one gives.

use std::io::{self, BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A request head: the start line and the header lines.
pub(crate) struct Head(pub(crate) Vec<String>);

impl Head {
    /// A header's value, its name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.0.iter().skip(1).find_map(|line| {
            let (have, value) = line.split_once(':')?;
            have.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The bytes of the body that follow.
    pub(crate) fn content_length(&self) -> u64 {
        self.header("content-length")
            .and_then(|value| value.parse().ok())
            .unwrap_or(0)
    }

    /// The request target.
    pub(crate) fn target(&self) -> &str {
        self.0[0].split(' ').nth(1).unwrap_or_default()
    }
}

/// A back end on a loopback port; it takes no more connections once dropped.
pub(crate) struct Raw {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
}

impl Raw {
    /// Serves each connection's first request by `serve` and closes when it returns.
    pub(crate) fn start(
        serve: impl Fn(&Head, BufReader<TcpStream>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a loopback port");
        let address = listener.local_addr().expect("a bound address");
        let stopping = Arc::new(AtomicBool::new(false));
        let (over, serve) = (Arc::clone(&stopping), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let serve = Arc::clone(&serve);
                thread::spawn(move || {
                    let mut reader = BufReader::with_capacity(256 << 10, stream);
                    // An error is the gateway closing, which it may at any time.
                    if let Ok(Some(head)) = read_head(&mut reader) {
                        drop(serve(&head, reader));
                    }
                });
            }
        });
        Self { address, stopping }
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then sees that it is over.
        drop(TcpStream::connect(self.address));
    }
}

fn read_head(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Head>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(Some(Head(lines)));
        }
        lines.push(line.to_owned());
    }
}
