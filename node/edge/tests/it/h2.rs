//! HTTP/2 with and without TLS, by hyper's client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tollgate_edge::{BadRequest, EdgeLimits, ListenerConfig};

use crate::support::{Client, HTTP2, PATIENCE, Server, plain, start, start_on};

type Body = BoxBody<Bytes, std::io::Error>;
type Sender = http2::SendRequest<Body>;

async fn handshake(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Sender {
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(io))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

async fn connect(server: &Server) -> Sender {
    handshake(TcpStream::connect(server.address).await.unwrap()).await
}

fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

fn request(method: &str, path: &str, body: Body) -> http::Request<Body> {
    let uri = format!("http://a{path}");
    http::Request::builder()
        .method(method)
        .uri(uri)
        .body(body)
        .unwrap()
}

async fn send(
    sender: &mut Sender,
    request: http::Request<Body>,
) -> Result<(http::response::Parts, Bytes), hyper::Error> {
    let exchange = async {
        sender.ready().await?;
        let (parts, body) = sender.send_request(request).await?.into_parts();
        Ok((parts, body.collect().await?.to_bytes()))
    };
    timeout(PATIENCE, exchange)
        .await
        .expect("no response in time")
}

async fn get(sender: &mut Sender, path: &str) -> (u16, String) {
    let (parts, body) = send(sender, request("GET", path, empty())).await.unwrap();
    (
        parts.status.as_u16(),
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

#[tokio::test]
async fn prior_knowledge_on_plain_text() {
    let server = start(EdgeLimits::default());
    let mut sender = connect(&server).await;
    let mut asked = request("GET", "/info?q=1", empty());
    let headers = asked.headers_mut();
    headers.append("cookie", "a=1".parse().unwrap());
    headers.append("cookie", "b=2".parse().unwrap());
    headers.append("x-one", "1".parse().unwrap());
    let (parts, body) = send(&mut sender, asked).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert_eq!(parts.status, 200);
    assert!(parts.headers.contains_key("date") && !parts.headers.contains_key("server"));
    assert_eq!(parts.headers["content-length"], body.len().to_string());
    assert!(
        body.starts_with(&format!("GET /info Some(\"q=1\") {HTTP2}\n")),
        "{body}"
    );
    for line in ["host: a", "cookie: a=1; b=2", "x-one: 1"] {
        assert!(body.contains(&format!("\n{line}\n")), "{body}");
    }
    let (parts, _) = send(&mut sender, request("HEAD", "/zeros/1000", empty()))
        .await
        .unwrap();
    assert_eq!(parts.headers["content-length"], "1000");
    for status in ["204", "304"] {
        let asked = request("GET", &format!("/status/{status}"), empty());
        let (parts, body) = send(&mut sender, asked).await.unwrap();
        assert_eq!((parts.status.as_str(), body.len()), (status, 0));
        assert!(!parts.headers.contains_key("content-length"));
    }
    let (parts, body) = send(&mut sender, request("GET", "/framing", empty()))
        .await
        .unwrap();
    assert_eq!(
        (parts.headers["content-length"].as_bytes(), &body[..]),
        (&b"4"[..], &b"body"[..])
    );
    assert_eq!(get(&mut sender, "/upgrade").await.0, 426);
    assert_eq!(server.handle.observe().connections_total, 1);
}

#[tokio::test]
async fn bodies_up_and_down() {
    const BYTES: u64 = 32 * 1024 * 1024;
    let server = start(EdgeLimits {
        body_bytes_max: None,
        ..EdgeLimits::default()
    });
    let mut sender = connect(&server).await;
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    let chunks = (0..BYTES / 65536).map(move |_| Ok(Frame::data(chunk.clone())));
    let body = BodyExt::boxed(StreamBody::new(futures_util::stream::iter(chunks)));
    let (_, counted) = send(&mut sender, request("POST", "/count", body))
        .await
        .unwrap();
    assert_eq!(counted, BYTES.to_string());
    let (_, down) = send(
        &mut sender,
        request("GET", &format!("/stream/{BYTES}"), empty()),
    )
    .await
    .unwrap();
    assert_eq!(down.len() as u64, BYTES);
    let body = Full::new(Bytes::from_static(b"hello"))
        .map_err(|never| match never {})
        .boxed();
    let (_, echoed) = send(&mut sender, request("POST", "/echo", body))
        .await
        .unwrap();
    assert_eq!(echoed, "hello");
}

#[tokio::test]
async fn a_panic_or_a_broken_body_costs_one_stream() {
    let server = start(EdgeLimits::default());
    let mut sender = connect(&server).await;
    let mut sibling = sender.clone();
    let waiting = tokio::spawn(async move { get(&mut sibling, "/gate/sibling").await });
    timeout(PATIENCE, server.seen.waiting.acquire())
        .await
        .unwrap()
        .unwrap()
        .forget();
    assert_eq!(get(&mut sender, "/panic").await.0, 500);
    // More fields than the library's map can hold.
    assert_eq!(get(&mut sender, "/fields/100").await.0, 200);
    assert_eq!(get(&mut sender, "/fields/40000").await.0, 500);
    for path in ["/broken", "/short", "/long", "/panicking-body"] {
        assert!(
            send(&mut sender, request("GET", path, empty()))
                .await
                .is_err(),
            "{path}"
        );
    }
    assert_eq!(get(&mut sender, "/any").await, (200, "ok".to_owned()));
    server.seen.gate.add_permits(1);
    assert_eq!(waiting.await.unwrap(), (200, "through sibling".to_owned()));
    let seen = server.handle.observe();
    assert_eq!((seen.connections_total, seen.panics_total), (1, 1));
}

#[tokio::test]
async fn refuses_what_http1_refuses() {
    let limits = EdgeLimits {
        body_bytes_max: Some(10),
        header_fields_max: 10,
        header_bytes_max: 4096,
        url_bytes_max: 100,
        ..EdgeLimits::default()
    };
    let server = start(limits);
    let mut sender = connect(&server).await;
    let mut asked = request("GET", "/", empty());
    asked.headers_mut().insert("host", "b".parse().unwrap());
    assert_eq!(send(&mut sender, asked).await.unwrap().0.status, 400);
    assert_eq!(
        get(&mut sender, &format!("/{}", "a".repeat(100))).await.0,
        414
    );
    let mut asked = request("GET", "/", empty());
    for index in 0..11 {
        asked.headers_mut().append("x", index.into());
    }
    assert_eq!(send(&mut sender, asked).await.unwrap().0.status, 431);
    let mut asked = request("GET", "/", empty());
    asked
        .headers_mut()
        .append("x", "a".repeat(5000).parse().unwrap());
    assert_eq!(send(&mut sender, asked).await.unwrap().0.status, 431);
    let body = || {
        Full::new(Bytes::from_static(b"01234567890"))
            .map_err(|never| match never {})
            .boxed()
    };
    let (parts, body_of_413) = send(&mut sender, request("POST", "/count", body()))
        .await
        .unwrap();
    assert_eq!(parts.status, 413);
    assert_eq!(body_of_413, r#"{"message":"Request Entity Too Large"}"#);
    let unannounced =
        futures_util::stream::iter([Ok(Frame::data(Bytes::from_static(b"01234567890")))]);
    let asked = request(
        "POST",
        "/collect",
        BodyExt::boxed(StreamBody::new(unannounced)),
    );
    assert_eq!(send(&mut sender, asked).await.unwrap().0.status, 413);
    assert_eq!(
        server
            .handle
            .observe()
            .bad_requests(BadRequest::BodyTooLarge),
        2
    );
    assert_eq!(get(&mut sender, "/any").await.0, 200);
    assert_eq!(server.seen.paths(), ["/collect", "/any"]);
}

#[tokio::test]
async fn drains_with_goaway() {
    let server = start(EdgeLimits::default());
    let mut sender = connect(&server).await;
    let mut sibling = sender.clone();
    let waiting = tokio::spawn(async move { get(&mut sibling, "/gate/last").await });
    timeout(PATIENCE, server.seen.waiting.acquire())
        .await
        .unwrap()
        .unwrap()
        .forget();
    let mut idle = connect(&server).await;
    assert_eq!(get(&mut idle, "/any").await.0, 200);
    let seen = server.seen.clone();
    let drain = tokio::spawn(server.handle.drain(PATIENCE));
    // The client learns it from GOAWAY: from then on its own side refuses new requests.
    timeout(PATIENCE, async {
        while send(&mut sender, request("GET", "/any", empty()))
            .await
            .is_ok()
        {}
    })
    .await
    .expect("no GOAWAY");
    seen.gate.add_permits(1);
    assert_eq!(waiting.await.unwrap(), (200, "through last".to_owned()));
    assert_eq!(drain.await.unwrap().aborted, 0);
}

#[tokio::test]
async fn idle_and_stalled_connections_end() {
    let limits = EdgeLimits {
        keep_alive_ms: 300,
        header_timeout_ms: 200,
        body_idle_timeout_ms: 300,
        ..EdgeLimits::default()
    };
    let server = start(limits);
    let mut sender = connect(&server).await;
    let never = StreamBody::new(futures_util::stream::pending::<
        Result<Frame<Bytes>, std::io::Error>,
    >());
    let body = BodyExt::boxed(never);
    assert_eq!(
        send(&mut sender, request("POST", "/count", body))
            .await
            .unwrap()
            .0
            .status,
        408
    );
    server
        .until("closed", |seen| seen.connections_open == 0)
        .await;
    // A preface and nothing else.
    let mut client = Client::new(TcpStream::connect(server.address).await.unwrap());
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    client.rest().await;
    server
        .until("closed", |seen| seen.connections_open == 0)
        .await;
}

#[tokio::test]
async fn a_client_that_makes_no_room_loses_its_connection() {
    let limits = EdgeLimits {
        body_idle_timeout_ms: 300,
        ..EdgeLimits::default()
    };
    let server = start(limits);
    let mut sender = connect(&server).await;
    sender.ready().await.unwrap();
    let asked = request("GET", "/zeros/1000000000", empty());
    let response = sender.send_request(asked).await.unwrap();
    server
        .until("dropped", |seen| {
            seen.requests_in_flight == 0 && seen.connections_open == 0
        })
        .await;
    drop(response);
    // A service that says nothing for longer is not the client's fault.
    let mut sender = connect(&server).await;
    let mut sibling = sender.clone();
    let waiting = tokio::spawn(async move { get(&mut sibling, "/gate/slow").await });
    timeout(PATIENCE, server.seen.waiting.acquire())
        .await
        .unwrap()
        .unwrap()
        .forget();
    assert!(
        timeout(
            Duration::from_millis(900),
            server.until("closed", |seen| seen.connections_open == 0)
        )
        .await
        .is_err()
    );
    server.seen.gate.add_permits(1);
    assert_eq!(waiting.await.unwrap(), (200, "through slow".to_owned()));
    assert_eq!(get(&mut sender, "/any").await.0, 200);
}

/// A listener with a certificate for `localhost`, and a client that believes it.
pub(crate) fn tls() -> (ListenerConfig, rustls::ClientConfig) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let cert = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.clone()], key)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(cert).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (
        ListenerConfig {
            tls: Some(Arc::new(server)),
            ..plain(1)
        },
        client,
    )
}

#[tokio::test]
async fn over_tls_by_alpn() {
    let (listener, client) = tls();
    let server = start_on(
        listener,
        1,
        EdgeLimits {
            header_timeout_ms: 500,
            ..EdgeLimits::default()
        },
    );
    let connect = async |alpn: &[&[u8]]| {
        let mut client = client.clone();
        client.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let tcp = TcpStream::connect(server.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(client))
            .connect(name, tcp)
            .await
            .unwrap()
    };
    let mut sender = handshake(connect(&[b"h2", b"http/1.1"]).await).await;
    let (status, body) = get(&mut sender, "/info").await;
    assert_eq!(status, 200);
    assert!(
        body.contains("\ntls Some(\"localhost\") Some(\"h2\") TLSv1.3\n"),
        "{body}"
    );
    assert!(body.contains(HTTP2));
    for (alpn, expected) in [
        (&[&b"http/1.1"[..]][..], "Some(\"http/1.1\")"),
        (&[], "None"),
    ] {
        let mut stream = connect(alpn).await;
        let ask = b"GET /info HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, ask)
            .await
            .unwrap();
        let mut answer = String::new();
        let read = tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer);
        // `read_to_string` fails without a proper end of the TLS session.
        timeout(PATIENCE, read).await.unwrap().unwrap();
        assert!(
            answer.contains(&format!("\ntls Some(\"localhost\") {expected} TLSv1.3\n")),
            "{answer}"
        );
    }
    // Plain text on a TLS port, and a handshake that never comes.
    server.exchange("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(server.exchange("").await, "");
    server
        .until("counted", |seen| seen.bad_requests(BadRequest::Tls) == 2)
        .await;
}
