//! A whole request without sockets: from the parsed head to the response that would be written.
//!
//! What comes from the network (the request, the back end's response) is made beforehand and not
//! counted; all that the pipeline allocates and frees is, the request itself included.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tollgate_config::snapshot::Snapshot;
use tollgate_message::{Body, HeaderList, Method, Request, Response, Version};
use tollgate_pipeline::{ClientInfo, Scheme, serve};

use crate::measure::Operation;
use crate::world::{self, HOST, LOGGED_HOST, World};

/// What a scenario's requests have beside what all have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extra {
    None,
    /// An API key.
    Key,
    /// An API key, at an API that writes an access log.
    KeyAndLog,
    /// A body.
    Body,
    /// Nothing, and this status for it.
    Refused(u16),
}

struct Serve {
    world: World,
    snapshot: Arc<Snapshot>,
    client: ClientInfo,
    method: &'static str,
    path: &'static str,
    extra: Extra,
    requests: Vec<Request>,
}

pub(super) fn build(method: &'static str, path: &'static str, extra: Extra) -> Box<dyn Operation> {
    let mut serve = Serve {
        world: World::new(),
        snapshot: world::snapshot(100),
        client: ClientInfo::new([203, 0, 113, 9].into(), Scheme::Https, 443, Arc::from([])),
        method,
        path,
        extra,
        requests: Vec::new(),
    };
    // Fills the cache where there is one.
    serve.prepare(1);
    serve.run();
    Box::new(serve)
}

impl Operation for Serve {
    fn prepare(&mut self, times: usize) {
        self.requests = (0..times).map(|_| self.request()).collect();
        self.world.prepare(times);
    }

    fn run(&mut self) {
        let request = self.requests.pop().expect("prepared for so many");
        let wanted = match self.extra {
            Extra::Refused(status) => status,
            _ => 200,
        };
        let future = serve(&self.world, &self.snapshot, request, &self.client);
        let mut future = std::pin::pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(response) = future.as_mut().poll(&mut context) else {
            panic!("nothing to wait for")
        };
        assert_eq!(response.status, wanted);
        drop::<Response>(response);
    }
}

impl Serve {
    /// A request as a browser sends it, its head in one block as listeners make it.
    fn request(&self) -> Request {
        let host = if self.extra == Extra::KeyAndLog {
            LOGGED_HOST
        } else {
            HOST
        };
        let key = world::key_value(50);
        let mut fields = vec![
            ("host", host),
            (
                "user-agent",
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            ),
            ("accept", "application/json"),
            ("accept-language", "en-US,en;q=0.5"),
            ("accept-encoding", "gzip, deflate, br"),
            ("cookie", "session=0123456789abcdef0123456789abcdef"),
            ("connection", "keep-alive"),
        ];
        if matches!(self.extra, Extra::Key | Extra::KeyAndLog) {
            fields.push(("x-api-key", &key));
        }
        let mut body = Body::Empty;
        if self.extra == Extra::Body {
            fields.push(("content-type", "application/json"));
            fields.push(("content-length", "32"));
            body = Bytes::from_static(b"{\"name\":\"nut\",\"pieces\":12345678}").into();
        }
        let bytes = fields
            .iter()
            .map(|(name, value)| name.len() + value.len() + 4);
        let mut headers = HeaderList::with_capacity(fields.len(), bytes.sum());
        for (name, value) in &fields {
            headers.append(name, value);
        }
        Request {
            method: Method::from_token(self.method),
            path: self.path.to_owned(),
            query: Some("page=2&size=50".to_owned()),
            version: Version::Http11,
            headers,
            body,
        }
    }
}
