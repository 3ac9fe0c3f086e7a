//! Three nodes, changed as AWS's SDKs do it: signed `UpdateApi` calls on kept connections.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tollgate_aws::Secret;
use tollgate_aws::sigv4::{Payload, RequestView, Signer, SigningCredentials};
use tollgate_harness::{Cluster, ROOT_ACCESS_KEY, ROOT_SECRET_KEY};

use crate::load::{Client, System};

/// A running cluster with as many APIs as there are places.
pub(crate) struct Gateway {
    cluster: Cluster,
}

impl Gateway {
    pub(crate) fn start() -> Self {
        let mut api = String::from("apis:\n");
        for place in 0..super::PLACES {
            api.push_str(&format!(
                "  - name: place-{place}\n    apiId: place-{place}\n    routes:\n      - \
                 {{routeKey: $default, integration: {{fixedResponse: {{body: ok}}}}}}\n"
            ));
        }
        Self {
            cluster: Cluster::start(3, &api),
        }
    }
}

impl System for Gateway {
    type Client = Connection;

    fn name(&self) -> &'static str {
        "tollgate"
    }

    fn leader(&self) -> SocketAddr {
        let leader = self.cluster.leader(0, None);
        self.cluster.nodes()[leader].addresses().admin
    }

    fn cpu(&self) -> Duration {
        self.cluster
            .nodes()
            .iter()
            .map(|node| node.usage().cpu)
            .sum()
    }

    async fn connect(&self, to: SocketAddr) -> Connection {
        let stream = TcpStream::connect(to).await.expect("connect to a node");
        stream.set_nodelay(true).expect("set an option");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
        tokio::spawn(connection);
        let credentials = SigningCredentials {
            access_key: ROOT_ACCESS_KEY.to_owned(),
            secret: Secret::new(ROOT_SECRET_KEY),
            session_token: None,
        };
        Connection {
            sender,
            authority: to.to_string(),
            signer: Signer::new(credentials, "us-east-1", "apigateway"),
        }
    }
}

/// One client.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
    signer: Signer,
}

impl Connection {
    fn signed(&self, path: &str, body: String) -> hyper::Request<Full<Bytes>> {
        let headers = [
            ("host", &*self.authority),
            ("content-type", "application/json"),
        ];
        let view = RequestView {
            method: "PATCH",
            path,
            query: None,
            headers: headers
                .iter()
                .map(|(name, value)| (*name, value.as_bytes())),
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_millis();
        let now = u64::try_from(now).expect("milliseconds");
        let signed = self
            .signer
            .sign(&view, Payload::Bytes(body.as_bytes()), now);
        let mut request = hyper::Request::patch(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in signed.expect("a signature") {
            request = request.header(name, value);
        }
        request.body(Full::new(body.into())).expect("a request")
    }
}

impl Client for Connection {
    async fn write(&mut self, place: usize, value: &str) {
        let path = format!("/v2/apis/place-{place}");
        let request = self.signed(&path, format!("{{\"description\":\"{value}\"}}"));
        let response = self
            .sender
            .send_request(request)
            .await
            .expect("an answer of a node");
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .expect("a whole answer")
            .to_bytes();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    }
}
