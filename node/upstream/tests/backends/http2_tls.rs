//! HTTP/2 and TLS.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedIssuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tollgate_message::Body;
use tollgate_upstream::{GroupSpec, Protocol, Scheme, TlsSpec, TlsSpecError, UpstreamErrorKind};

use crate::support::*;

type Reply = hyper::Response<BoxBody<Bytes, hyper::Error>>;

/// Tells what came, or echoes a body.
async fn reply(request: hyper::Request<Incoming>) -> Result<Reply, Infallible> {
    if request.uri().path() == "/echo" {
        return Ok(hyper::Response::new(request.into_body().boxed()));
    }
    let told = format!("{:?} {}", request.version(), request.uri());
    let body = Full::from(told).map_err(|never| match never {}).boxed();
    Ok(hyper::Response::new(body))
}

async fn serve_h2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let service = service_fn(reply);
    let io = TokioIo::new(stream);
    // An error is the client going away, which is how these tests end.
    drop(
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(io, service)
            .await,
    );
}

async fn serve_h1(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let io = TokioIo::new(stream);
    drop(
        hyper::server::conn::http1::Builder::new()
            .serve_connection(io, service_fn(reply))
            .await,
    );
}

fn h2c(back: &Backend) -> GroupSpec {
    let mut spec = group(vec![back.server()]);
    spec.protocol = Protocol::Http2;
    spec
}

#[test]
fn prior_knowledge_shares_one_connection() {
    run(async {
        let back = Backend::start(|_, stream| serve_h2(stream)).await;
        let rig = Rc::new(Rig::new(h2c(&back)));
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let rig = rig.clone();
                tokio::task::spawn_local(async move { rig.get("/x").await })
            })
            .collect();
        for task in tasks {
            let (status, body, _) = task.await.unwrap().unwrap();
            assert_eq!((status, &*body), (200, "HTTP/2.0 http://back.example/x"));
        }
        assert_eq!(back.accepted(), 1);
        assert!(rig.get("/").await.unwrap().2.reused);
        assert_eq!(rig.state(0).outstanding, 0);
    });
}

#[test]
fn http2_streams_flow_both_ways_at_once() {
    run(async {
        let back = Backend::start(|_, stream| serve_h2(stream)).await;
        let rig = Rig::new(h2c(&back));
        let (feed, body) = fed(None);
        let (response, _) = rig.send(post("/echo", body)).await.unwrap();
        let mut answer = response.body;
        for text in ["one", "two"] {
            feed.send(Ok(Bytes::from(text))).await.unwrap();
            assert_eq!(answer.chunk().await, Some(Ok(Bytes::from(text))));
        }
        drop(feed);
        assert_eq!(answer.chunk().await, None);
    });
}

#[test]
fn a_large_http2_echo_is_bounded_by_its_reader() {
    run(async {
        const BYTES: u64 = 64 * 1024 * 1024;
        let back = Backend::start(|_, stream| serve_h2(stream)).await;
        let rig = Rig::new(h2c(&back));
        let (feed, body) = fed(Some(BYTES));
        let fed_bytes = Rc::new(Cell::new(0));
        let count = fed_bytes.clone();
        let feeding = tokio::task::spawn_local(async move {
            let chunk = Bytes::from(vec![7; 32 * 1024]);
            while count.get() < BYTES && feed.send(Ok(chunk.clone())).await.is_ok() {
                count.set(count.get() + chunk.len() as u64);
            }
        });
        let (response, _) = rig.send(post("/echo", body)).await.unwrap();
        let (mut answer, mut read) = (response.body, 0_u64);
        while let Some(chunk) = answer.chunk().await {
            read += chunk.unwrap().len() as u64;
            // Windows and buffers of both ends, far below the whole.
            assert!(fed_bytes.get() - read < 16 * 1024 * 1024);
        }
        assert_eq!(read, BYTES);
        feeding.await.unwrap();
    });
}

#[test]
fn dropping_an_http2_response_leaves_the_connection() {
    run(async {
        let back = Backend::start(|_, stream| serve_h2(stream)).await;
        let rig = Rig::new(h2c(&back));
        let (_feed, body) = fed(None);
        let (response, _) = rig.send(post("/echo", body)).await.unwrap();
        drop(response);
        assert!(rig.get("/").await.unwrap().2.reused);
        assert_eq!((back.accepted(), rig.state(0).outstanding), (1, 0));
    });
}

#[test]
fn the_peers_stream_limit_makes_requests_wait() {
    run(async {
        let back = Backend::start(|_, stream| async move {
            let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let served = builder
                .max_concurrent_streams(2)
                .serve_connection(TokioIo::new(stream), service_fn(reply));
            drop(served.await);
        })
        .await;
        let mut spec = h2c(&back);
        spec.connections_max = 1;
        let rig = Rc::new(Rig::new(spec));
        rig.get("/").await.unwrap();
        // Two echoes that do not end take both streams.
        let (feed, body) = fed(None);
        let (first, _) = rig.send(post("/echo", body)).await.unwrap();
        let (_feed, body) = fed(None);
        let (_second, _) = rig.send(post("/echo", body)).await.unwrap();
        let third = rig.clone();
        let third = tokio::task::spawn_local(async move { third.get("/").await });
        wait_until("it waits", || rig.state(0).outstanding, |n| *n == 3).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!third.is_finished());
        drop(feed);
        assert_eq!(text(first.body).await, "");
        assert_eq!(third.await.unwrap().unwrap().0, 200);
        assert_eq!(back.accepted(), 1);
    });
}

#[test]
fn a_broken_http2_connection_is_replaced() {
    run(async {
        let back = Backend::start(|number, stream| async move {
            let (die, mut dead) = tokio::sync::mpsc::channel::<()>(1);
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                let die = die.clone();
                async move {
                    if number == 1 && request.uri().path() == "/die" {
                        die.send(()).await.unwrap();
                        std::future::pending::<()>().await;
                    }
                    reply(request).await
                }
            });
            let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                _ = served => {}
                _ = dead.recv() => {}
            }
        })
        .await;
        let rig = Rig::new(h2c(&back));
        rig.get("/").await.unwrap();
        let (status, _, info) = rig.get("/die").await.unwrap();
        assert_eq!((status, info.retries, back.accepted()), (200, 1, 2));
        assert_eq!(rig.state(0).failures, 0);
    });
}

#[test]
fn a_peer_that_does_not_speak_http2_is_an_error() {
    run(async {
        let back = Backend::answering(|_, _| ok("what?")).await;
        let rig = Rig::new(h2c(&back));
        let kind = rig.get("/").await.unwrap_err().kind;
        let expected = [
            UpstreamErrorKind::Reset,
            UpstreamErrorKind::Connect,
            UpstreamErrorKind::Protocol,
        ];
        assert!(expected.contains(&kind), "{kind:?}");
    });
}

/// A certificate authority and what it issued for `back.example` and `127.0.0.1`.
struct Pki {
    ca_pem: String,
    chain: Vec<rustls_pki_types::CertificateDer<'static>>,
    cert_pem: String,
    key: KeyPair,
}

fn pki() -> Pki {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let names = vec!["back.example".to_owned(), "127.0.0.1".to_owned()];
    let key = KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &ca)
        .unwrap();
    Pki {
        ca_pem: ca.pem(),
        chain: vec![leaf.der().clone()],
        cert_pem: leaf.pem(),
        key,
    }
}

fn tls_acceptor(pki: &Pki, alpn: &[u8], client_ca: Option<&str>) -> TlsAcceptor {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            use rustls_pki_types::pem::PemObject;
            let mut roots = rustls::RootCertStore::empty();
            let ca = rustls_pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
            roots.add(ca).unwrap();
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
                Arc::new(roots),
                Arc::new(default_provider()),
            );
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::try_from(pki.key.serialize_der()).unwrap();
    let mut config = builder.with_single_cert(pki.chain.clone(), key).unwrap();
    config.alpn_protocols = vec![alpn.to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn tls_backend(pki: &Pki, alpn: &'static [u8], client_ca: Option<&str>) -> Backend {
    let acceptor = tls_acceptor(pki, alpn, client_ca);
    Backend::start(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            if alpn == b"h2" {
                serve_h2(stream).await
            } else {
                serve_h1(stream).await
            }
        }
    })
    .await
}

fn https(back: &Backend, tls: TlsSpec) -> GroupSpec {
    let mut spec = group(vec![server(Scheme::Https, "127.0.0.1", back.port)]);
    spec.tls = tls;
    spec
}

fn trusting(pki: &Pki) -> TlsSpec {
    TlsSpec {
        ca_pem: Some(pki.ca_pem.clone()),
        ..TlsSpec::default()
    }
}

#[test]
fn the_server_picks_the_version_by_alpn() {
    run(async {
        let pki = pki();
        for (alpn, told) in [
            (&b"h2"[..], "HTTP/2.0 https://back.example/"),
            (b"http/1.1", "HTTP/1.1 /"),
        ] {
            let back = tls_backend(&pki, alpn, None).await;
            let rig = Rc::new(Rig::new(https(&back, trusting(&pki))));
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let rig = rig.clone();
                    tokio::task::spawn_local(async move { rig.get("/").await })
                })
                .collect();
            for task in tasks {
                assert_eq!(task.await.unwrap().unwrap().1, told);
            }
            assert!(rig.get("/").await.unwrap().2.reused);
            if alpn == b"h2" {
                assert_eq!(
                    back.accepted(),
                    1,
                    "those who wait share the first connection"
                );
            }
        }
    });
}

/// Writes these records in answer to each request of the first connection, then `fresh`.
async fn tls_answering(acceptor: TlsAcceptor, records: Vec<String>) -> Backend {
    Backend::start(move |number, stream| {
        let (acceptor, records) = (acceptor.clone(), records.clone());
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut head = Vec::new();
            while let Ok(1..) = stream.read_buf(&mut head).await {
                if !head.ends_with(b"\r\n\r\n") {
                    continue;
                }
                head.clear();
                let fresh = [ok("fresh")];
                let records = if number == 1 { &records[..] } else { &fresh };
                for record in records {
                    stream.write_all(record.as_bytes()).await.unwrap();
                    stream.flush().await.unwrap();
                }
            }
        }
    })
    .await
}

#[test]
fn a_tls_connection_is_used_again_only_without_surplus_bytes() {
    run(async {
        let pki = pki();
        let large = "x".repeat(300_000);
        for (records, body, is_reused) in [
            (vec![ok("good")], "good", true),
            (
                vec![ok("good")[..30].to_owned(), ok("good")[30..].to_owned()],
                "good",
                true,
            ),
            (vec![ok(&large)], &*large, true),
            (vec![ok("good") + &ok("evil")], "good", false),
            (vec![ok("good"), ok("evil")], "good", false),
            (vec![ok(&large), "x".to_owned()], &*large, false),
        ] {
            let acceptor = tls_acceptor(&pki, b"http/1.1", None);
            let back = tls_answering(acceptor, records).await;
            let rig = Rig::new(https(&back, trusting(&pki)));
            assert_eq!(rig.get("/").await.unwrap().1, body);
            let (_, second, info) = rig.get("/").await.unwrap();
            assert_eq!((second == body, info.reused), (is_reused, is_reused));
        }
    });
}

#[test]
fn certificates_are_verified_unless_told_otherwise() {
    run(async {
        let (pki, other) = (pki(), pki());
        let back = tls_backend(&pki, b"http/1.1", None).await;
        let wrong_name = TlsSpec {
            server_name: Some("other.example".to_owned()),
            ..trusting(&pki)
        };
        for refused in [TlsSpec::default(), trusting(&other), wrong_name] {
            let error = Rig::new(https(&back, refused)).get("/").await.unwrap_err();
            assert_eq!(error.kind, UpstreamErrorKind::Tls, "{error}");
        }
        let right_name = TlsSpec {
            server_name: Some("back.example".to_owned()),
            ..trusting(&pki)
        };
        let any = TlsSpec {
            verify: false,
            ..TlsSpec::default()
        };
        for accepted in [trusting(&pki), right_name, any] {
            let rig = Rig::new(https(&back, accepted));
            assert_eq!(rig.get("/").await.unwrap().0, 200);
        }
    });
}

#[test]
fn a_client_certificate_is_shown() {
    run(async {
        let pki = pki();
        let back = tls_backend(&pki, b"http/1.1", Some(&pki.ca_pem)).await;
        assert!(
            Rig::new(https(&back, trusting(&pki)))
                .get("/")
                .await
                .is_err()
        );
        let tls = TlsSpec {
            client_cert_pem: Some(pki.cert_pem.clone()),
            key_pem: Some(pki.key.serialize_pem()),
            ..trusting(&pki)
        };
        assert!(!format!("{tls:?}").contains("PRIVATE"));
        let rig = Rig::new(https(&back, tls));
        assert_eq!(rig.get("/").await.unwrap().0, 200);
    });
}

#[test]
fn unusable_tls_settings_are_told_beforehand_and_at_use() {
    run(async {
        let pem = Some("not pem".to_owned());
        let unusable = TlsSpec {
            ca_pem: pem.clone(),
            ..TlsSpec::default()
        };
        assert!(matches!(unusable.check(), Err(TlsSpecError::Ca(_))));
        let key = TlsSpec {
            client_cert_pem: pem,
            ..TlsSpec::default()
        };
        assert!(matches!(key.check(), Err(TlsSpecError::Key(_))));
        assert_eq!(TlsSpec::default().check(), Ok(()));
        let rig = Rig::new({
            let mut spec = group(vec![server(Scheme::Https, "127.0.0.1", dead_port().await)]);
            spec.tls = unusable;
            spec
        });
        assert_eq!(rig.get("/").await.unwrap_err().kind, UpstreamErrorKind::Tls);
        assert!(
            rig.state(0)
                .tls_error
                .is_some_and(|error| error.starts_with("ca_pem"))
        );
    });
}

#[test]
fn http2_only_refuses_a_server_without_it() {
    run(async {
        let pki = pki();
        let back = tls_backend(&pki, b"http/1.1", None).await;
        let mut spec = https(&back, trusting(&pki));
        spec.protocol = Protocol::Http2;
        let error = Rig::new(spec)
            .send(post("/", Body::Empty))
            .await
            .unwrap_err();
        assert_eq!(error.kind, UpstreamErrorKind::Tls);
    });
}
