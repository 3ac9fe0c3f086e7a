//! What the listeners count. Plain atomics, so that counting is wait-free and reading is a copy.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Why the edge refused a request or a connection itself, without asking the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum BadRequest {
    /// The head is not HTTP: bad bytes, bad line ends, an unknown version.
    Head,
    /// `Content-Length` or `Transfer-Encoding` is unusable.
    Framing,
    /// `Host` is missing, repeated, unusable or not the one of the target.
    Host,
    /// The target is not a path or an absolute URL.
    Target,
    /// The head is too large or has too many fields.
    HeadTooLarge,
    /// The target is too long.
    UrlTooLong,
    /// The head did not come in time.
    HeadTimeout,
    /// The announced body is too large.
    BodyTooLarge,
    /// The chunked framing of a body broke.
    BodyFraming,
    /// The body stalled.
    BodyTimeout,
    /// The PROXY protocol header is missing, broken or from a peer that is not trusted.
    ProxyProtocol,
    /// The TLS handshake failed or took too long.
    Tls,
    /// The client broke HTTP/2.
    Http2,
}

impl BadRequest {
    /// All reasons, in the order of [`Observation::bad_requests_total`].
    pub const ALL: [Self; 13] = [
        Self::Head,
        Self::Framing,
        Self::Host,
        Self::Target,
        Self::HeadTooLarge,
        Self::UrlTooLong,
        Self::HeadTimeout,
        Self::BodyTooLarge,
        Self::BodyFraming,
        Self::BodyTimeout,
        Self::ProxyProtocol,
        Self::Tls,
        Self::Http2,
    ];

    /// The label in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Framing => "framing",
            Self::Host => "host",
            Self::Target => "target",
            Self::HeadTooLarge => "head_too_large",
            Self::UrlTooLong => "url_too_long",
            Self::HeadTimeout => "head_timeout",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyFraming => "body_framing",
            Self::BodyTimeout => "body_timeout",
            Self::ProxyProtocol => "proxy_protocol",
            Self::Tls => "tls",
            Self::Http2 => "http2",
        }
    }
}

/// The counters of all workers.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    connections_open: AtomicU64,
    connections_total: AtomicU64,
    connections_refused: AtomicU64,
    requests_in_flight: AtomicU64,
    requests_total: AtomicU64,
    panics_total: AtomicU64,
    bad_requests: [AtomicU64; BadRequest::ALL.len()],
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Connections open now, handshakes included.
    pub connections_open: u64,
    /// Connections accepted so far, refused ones excluded.
    pub connections_total: u64,
    /// Connections closed at once because `connections_max` were open.
    pub connections_refused: u64,
    /// Requests whose response is not complete.
    pub requests_in_flight: u64,
    /// Requests handed to the service so far.
    pub requests_total: u64,
    /// Requests that ended in a panic of the service.
    pub panics_total: u64,
    /// Requests and connections that the edge refused itself, by reason.
    pub bad_requests_total: [(BadRequest, u64); BadRequest::ALL.len()],
}

impl Counters {
    /// Counts a connection in unless `max` are open; it is numbered by the result, from 0.
    pub(crate) fn open_connection(&self, max: usize) -> Option<u64> {
        if self.connections_open.fetch_add(1, Relaxed) >= max as u64 {
            self.connections_open.fetch_sub(1, Relaxed);
            self.connections_refused.fetch_add(1, Relaxed);
            return None;
        }
        Some(self.connections_total.fetch_add(1, Relaxed))
    }

    pub(crate) fn close_connection(&self) {
        self.connections_open.fetch_sub(1, Relaxed);
    }

    pub(crate) fn connections_open(&self) -> u64 {
        self.connections_open.load(Relaxed)
    }

    pub(crate) fn begin_request(&self) {
        self.requests_total.fetch_add(1, Relaxed);
        self.requests_in_flight.fetch_add(1, Relaxed);
    }

    pub(crate) fn end_request(&self) {
        self.requests_in_flight.fetch_sub(1, Relaxed);
    }

    pub(crate) fn panicked(&self) {
        self.panics_total.fetch_add(1, Relaxed);
    }

    pub(crate) fn bad_request(&self, reason: BadRequest) {
        self.bad_requests[reason as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn observe(&self) -> Observation {
        Observation {
            connections_open: self.connections_open.load(Relaxed),
            connections_total: self.connections_total.load(Relaxed),
            connections_refused: self.connections_refused.load(Relaxed),
            requests_in_flight: self.requests_in_flight.load(Relaxed),
            requests_total: self.requests_total.load(Relaxed),
            panics_total: self.panics_total.load(Relaxed),
            bad_requests_total: BadRequest::ALL
                .map(|reason| (reason, self.bad_requests[reason as usize].load(Relaxed))),
        }
    }
}

impl Observation {
    /// How often this happened so far.
    #[must_use]
    pub fn bad_requests(&self, reason: BadRequest) -> u64 {
        self.bad_requests_total[reason as usize].1
    }
}
