//! One kept connection of an administrator: calls signed as AWS's SDKs sign them, without what an
//! SDK itself costs.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tollgate_aws::Secret;
use tollgate_aws::sigv4::{Payload, RequestView, Signer, SigningCredentials};
use tollgate_harness::{ROOT_ACCESS_KEY, ROOT_SECRET_KEY};

/// A connection to an admin listener.
pub struct SignedConnection {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
    signer: Signer,
}

impl SignedConnection {
    /// Connects as the harness's root access key.
    ///
    /// # Panics
    ///
    /// If nobody listens.
    pub async fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.expect("connect to a node");
        stream.set_nodelay(true).expect("set an option");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
        tokio::spawn(connection);
        let credentials = SigningCredentials {
            access_key: ROOT_ACCESS_KEY.to_owned(),
            secret: Secret::new(ROOT_SECRET_KEY),
            session_token: None,
        };
        Self {
            sender,
            authority: to.to_string(),
            signer: Signer::new(credentials, "us-east-1", "apigateway"),
        }
    }

    /// Sends one call and returns status and body of its answer.
    ///
    /// # Panics
    ///
    /// If the connection breaks.
    pub async fn call(&mut self, method: &str, path: &str, body: String) -> (u16, Bytes) {
        let request = self.signed(method, path, body);
        let response = self.sender.send_request(request).await;
        let response = response.expect("an answer of a node");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await;
        (status, body.expect("a whole answer").to_bytes())
    }

    fn signed(&self, method: &str, path: &str, body: String) -> hyper::Request<Full<Bytes>> {
        let headers = [
            ("host", &*self.authority),
            ("content-type", "application/json"),
        ];
        let view = RequestView {
            method,
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
        let mut request = hyper::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in signed.expect("a signature") {
            request = request.header(name, value);
        }
        request.body(Full::new(body.into())).expect("a request")
    }
}
