//! Debian's etcd, three members, spoken to as its own client does: gRPC over HTTP/2.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tollgate_harness::{DEADLINE, Process, Request, etcd, fixed_address, wait_until};

use crate::load::{Client, System};

const MEMBERS: usize = 3;

/// A running cluster.
pub(crate) struct Etcd {
    members: Vec<(SocketAddr, Process)>,
    _home: TempDir,
}

impl Etcd {
    pub(crate) fn start() -> Self {
        let home = tempfile::tempdir().expect("make a temporary directory");
        let addresses: Vec<_> = (0..MEMBERS)
            .map(|_| (fixed_address(), fixed_address()))
            .collect();
        let all: Vec<String> = addresses
            .iter()
            .enumerate()
            .map(|(at, (_, peer))| format!("m{at}=http://{peer}"))
            .collect();
        let members = addresses.iter().enumerate().map(|(at, (client, peer))| {
            let mut command = Command::new(etcd());
            let (client_url, peer_url) = (format!("http://{client}"), format!("http://{peer}"));
            let name = format!("m{at}");
            command.arg("--data-dir").arg(home.path().join(&name));
            command.args(["--name", &name, "--log-level", "error"]);
            command.args(["--listen-client-urls", &client_url]);
            command.args(["--advertise-client-urls", &client_url]);
            command.args(["--listen-peer-urls", &peer_url]);
            command.args(["--initial-advertise-peer-urls", &peer_url]);
            command.args(["--initial-cluster", &all.join(",")]);
            (
                *client,
                Process::spawn(command, home.path(), &name).expect("start etcd"),
            )
        });
        let members: Vec<_> = members.collect();
        for (address, _) in &members {
            wait_until(DEADLINE, "etcd to be healthy", || {
                let answer = Request::get("/health").try_send(*address);
                match answer.map_err(|error| error.to_string())? {
                    healthy if healthy.text().contains("true") => Ok(()),
                    other => Err(other.text()),
                }
            });
        }
        Self {
            members,
            _home: home,
        }
    }
}

impl System for Etcd {
    type Client = Connection;

    fn name(&self) -> &'static str {
        "etcd"
    }

    fn leader(&self) -> SocketAddr {
        let leads = |address: &SocketAddr| {
            let status = Request::post("/v3/maintenance/status", "{}")
                .send(*address)
                .json();
            status["leader"] == status["header"]["member_id"]
        };
        let mut addresses = self.members.iter().map(|(address, _)| *address);
        addresses.find(leads).expect("one member of etcd leads")
    }

    fn cpu(&self) -> Duration {
        self.members
            .iter()
            .map(|(_, process)| process.usage().cpu)
            .sum()
    }

    async fn connect(&self, to: SocketAddr) -> Connection {
        let stream = TcpStream::connect(to).await.expect("connect to etcd");
        stream.set_nodelay(true).expect("set an option");
        let made = handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (sender, connection) = made.expect("HTTP/2 with etcd");
        tokio::spawn(connection);
        Connection {
            sender,
            authority: to.to_string(),
        }
    }
}

/// One client.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
}

impl Client for Connection {
    async fn write(&mut self, place: usize, value: &str) {
        let request =
            hyper::Request::post(format!("http://{}/etcdserverpb.KV/Put", self.authority))
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(Full::new(put(&format!("places/{place}"), value)))
                .expect("a request");
        let response = self
            .sender
            .send_request(request)
            .await
            .expect("an answer of etcd");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole answer of etcd");
        let status = body
            .trailers()
            .or(Some(&head.headers))
            .and_then(|it| it.get("grpc-status"));
        assert_eq!(
            status.map(|it| it.as_bytes()),
            Some(&b"0"[..]),
            "{head:?} {body:?}"
        );
    }
}

/// A gRPC message: not compressed, its length, and `PutRequest { key = 1, value = 2 }`.
fn put(key: &str, value: &str) -> Bytes {
    let mut message = Vec::new();
    for (number, bytes) in [(1_u8, key), (2, value)] {
        message.push(number << 3 | 2);
        let mut length = bytes.len();
        while length >= 0x80 {
            message.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
            length >>= 7;
        }
        message.push(u8::try_from(length).expect("seven bits"));
        message.extend_from_slice(bytes.as_bytes());
    }
    let length = u32::try_from(message.len()).expect("a small message");
    let mut framed = vec![0];
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(&message);
    framed.into()
}

#[test]
fn a_put_is_framed_as_grpc_has_it() {
    let value = "v".repeat(200);
    let framed = put("k", &value);
    // 1 + 1 + 1 of the key, 1 + 2 + 200 of the value.
    assert_eq!(framed[..8], [0, 0, 0, 0, 206, 0x0a, 1, b'k']);
    assert_eq!(framed[8..11], [0x12, 0xc8, 0x01]);
    assert_eq!(framed.len(), 5 + 206);
}
