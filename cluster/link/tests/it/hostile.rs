//! What a peer may send that no peer should: written by hand, from the format's description.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tollgate_link::authority::{NodeCertificate, NodeKey};
use tollgate_link::net::Net as _;
use tollgate_link::{CallError, ClusterId, Lane, Member, NodeId, Refusal, limits};

use crate::memory::{Memory, member, node};
use crate::support::{ECHO, WAIT, count};

pub(crate) const HELLO: u8 = 1;
pub(crate) const WELCOME: u8 = 2;
pub(crate) const REFUSED: u8 = 3;
pub(crate) const CALL: u8 = 4;
pub(crate) const ANSWER: u8 = 5;
pub(crate) const CANCEL: u8 = 6;
pub(crate) const PING: u8 = 7;

/// Takes any server for good, as an attacker does.
#[derive(Debug)]
struct Gullible(Arc<CryptoProvider>);

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.0.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// A TLS client that obeys nobody.
pub(crate) async fn raw_tls(
    stream: TcpStream,
    version: &'static SupportedProtocolVersion,
    with: Option<(&NodeCertificate, &NodeKey)>,
) -> io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Gullible(provider)));
    let mut config = match with {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let leaf = CertificateDer::from(certificate.leaf.clone());
            let key = PrivateKeyDer::Pkcs8(key.to_pkcs8().into());
            config.with_client_auth_cert(vec![leaf], key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"tollgate-link".to_vec()];
    let name = ServerName::try_from("whoever").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await
}

pub(crate) fn frame(shape: u8, kind: u8, call: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = head(body.len() as u32, shape, kind, call);
    bytes.extend_from_slice(body);
    bytes
}

fn head(length: u32, shape: u8, kind: u8, call: u64) -> Vec<u8> {
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend_from_slice(&[shape, kind, 0, 0]);
    bytes.extend_from_slice(&call.to_le_bytes());
    bytes.extend_from_slice(&60_000_u32.to_le_bytes());
    bytes
}

fn hello_of(versions: (u16, u16), from: Member, to: NodeId, lane: u8) -> Vec<u8> {
    let mut body = b"TGLK".to_vec();
    body.extend_from_slice(&versions.0.to_le_bytes());
    body.extend_from_slice(&versions.1.to_le_bytes());
    body.push(lane);
    body.extend_from_slice(&from.cluster.0);
    body.extend_from_slice(&from.node.to_le_bytes());
    body.extend_from_slice(&to.to_le_bytes());
    frame(HELLO, 0, 0, &body)
}

pub(crate) fn hello(from: Member, to: NodeId, lane: u8) -> Vec<u8> {
    hello_of((1, 1), from, to, lane)
}

pub(crate) fn welcome(from: Member) -> Vec<u8> {
    let mut body = b"TGLK".to_vec();
    body.extend_from_slice(&1_u16.to_le_bytes());
    body.extend_from_slice(&from.cluster.0);
    body.extend_from_slice(&from.node.to_le_bytes());
    frame(WELCOME, 0, 0, &body)
}

/// The next frame: shape, call and body; `None` at the end of the stream.
pub(crate) async fn read_frame<S: AsyncRead + Unpin>(stream: &mut S) -> Option<(u8, u64, Vec<u8>)> {
    let mut head = [0; 20];
    stream.read_exact(&mut head).await.ok()?;
    let length = u32::from_le_bytes(head[..4].try_into().unwrap());
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await.ok()?;
    let call = u64::from_le_bytes(head[8..16].try_into().unwrap());
    Some((head[4], call, body))
}

/// Sends bytes and waits for the connection's refusal: its code, or `None` when the connection
/// just ends.
pub(crate) async fn read_refusal<S>(stream: &mut S, bytes: &[u8]) -> Option<u16>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(bytes).await.unwrap();
    stream.flush().await.unwrap();
    loop {
        match read_frame(stream).await {
            None => return None,
            Some((REFUSED, 0, body)) => return Some(u16::from_le_bytes([body[0], body[1]])),
            Some(_) => {}
        }
    }
}

/// A connection to node 1 on which node 2 is welcome.
async fn welcomed(net: &Memory) -> DuplexStream {
    let mut stream = net.dial("1").await.unwrap();
    let hello = hello(member(2), 1, Lane::Rpc as u8);
    stream.write_all(&hello).await.unwrap();
    let answer = read_frame(&mut stream).await.unwrap();
    assert_eq!(answer.0, WELCOME);
    assert_eq!(frame(WELCOME, 0, 0, &answer.2), welcome(member(1)));
    stream
}

#[tokio::test(start_paused = true)]
async fn what_is_no_greeting_is_refused() {
    let net = Memory::default();
    let (_one, desk) = node(&net, 1).await;
    let mut wrong_magic = hello(member(2), 1, 1);
    wrong_magic[20] = b'X';
    let mut flagged = hello(member(2), 1, 1);
    flagged[6] = 1;
    let cut = &hello(member(2), 1, 1)[20..40];
    for (bytes, code) in [
        (
            b"GET / HTTP/1.1\r\nhost: node\r\n\r\n".to_vec(),
            Refusal::MALFORMED,
        ),
        (vec![0xff; 64], Refusal::MALFORMED),
        // Last words reach also who is still sending.
        (vec![0xff; 1024 * 1024], Refusal::MALFORMED),
        (wrong_magic, Refusal::MALFORMED),
        (flagged, Refusal::MALFORMED),
        (frame(HELLO, 0, 0, cut), Refusal::MALFORMED),
        (frame(CALL, ECHO, 1, b"early"), Refusal::MALFORMED),
        (
            head(limits::NOTE_BYTES_MAX as u32 + 1, HELLO, 0, 0),
            Refusal::MALFORMED,
        ),
        (head(u32::MAX, HELLO, 0, 0), Refusal::MALFORMED),
        (hello(member(2), 1, 4), Refusal::MALFORMED),
        (hello(member(1), 1, 1), Refusal::MALFORMED),
        (hello(member(0), 1, 1), Refusal::MALFORMED),
        (hello(member(2), 3, 1), Refusal::WRONG_NODE),
        (hello_of((2, 9), member(2), 1, 1), Refusal::VERSION),
        (hello_of((0, 0), member(2), 1, 1), Refusal::VERSION),
        (
            hello(
                Member {
                    cluster: ClusterId([6; 16]),
                    node: 2,
                },
                1,
                1,
            ),
            Refusal::WRONG_CLUSTER,
        ),
    ] {
        let mut stream = net.dial("1").await.unwrap();
        let refusal = read_refusal(&mut stream, &bytes).await;
        assert_eq!(refusal, Some(code), "{:?}", &bytes[..20]);
    }
    let newer = hello_of((1, 9), member(2), 1, 1);
    let mut stream = net.dial("1").await.unwrap();
    stream.write_all(&newer).await.unwrap();
    assert_eq!(read_frame(&mut stream).await.unwrap().0, WELCOME);
    assert_eq!(desk.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_breaks_the_rules_ends_the_connection() {
    let net = Memory::default();
    let (_one, desk) = node(&net, 1).await;
    let too_long = limits::BODY_BYTES_MAX as u32 + 1;
    for bytes in [
        head(too_long, CALL, ECHO, 1),
        head(u32::MAX, CALL, ECHO, 1),
        head(1, CANCEL, 0, 1),
        head(1, PING, 0, 1),
        head(0, 0, 0, 1),
        head(0, 9, 0, 1),
        frame(ANSWER, 0, 1, b""),
        frame(REFUSED, 0, 1, b"\0\0"),
        frame(HELLO, 0, 0, b""),
        frame(CALL, ECHO, 0, b""),
        [frame(CALL, WAIT, 7, b""), frame(CALL, ECHO, 7, b"")].concat(),
    ] {
        let mut stream = welcomed(&net).await;
        let refusal = read_refusal(&mut stream, &bytes).await;
        assert_eq!(refusal, Some(Refusal::MALFORMED), "{bytes:?}");
    }
    // The one good call among them ended with its connection, begun or not.
    let begun = desk.begun.load(Ordering::SeqCst);
    assert!(begun <= 1);
    count("it is dropped", &desk.dropped, begun).await;
}

#[tokio::test(start_paused = true)]
async fn a_frame_may_come_in_any_pieces_and_a_cut_one_is_no_call() {
    let net = Memory::default();
    let (_one, desk) = node(&net, 1).await;
    let mut stream = welcomed(&net).await;
    let call = frame(CALL, ECHO, 3, b"piece by piece");
    for byte in &call {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let answer = loop {
        match read_frame(&mut stream).await.unwrap() {
            (ANSWER, call, body) => break (call, body),
            _ => continue,
        }
    };
    assert_eq!(answer, (3, b"piece by piece".to_vec()));
    stream.write_all(&call[..call.len() - 1]).await.unwrap();
    stream.shutdown().await.unwrap();
    while read_frame(&mut stream).await.is_some() {}
    assert_eq!(desk.begun.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_a_lane_may_have_end_it() {
    let net = Memory::default();
    let (_one, desk) = node(&net, 1).await;
    let mut stream = welcomed(&net).await;
    let most = Lane::Rpc.calls_max();
    let calls = |from: usize, to: usize| -> Vec<u8> {
        (from..to)
            .flat_map(|n| frame(CALL, WAIT, 1 + n as u64, b""))
            .collect()
    };
    stream.write_all(&calls(0, most)).await.unwrap();
    count("as many as may begin", &desk.begun, most).await;
    let refusal = read_refusal(&mut stream, &calls(most, most + 1)).await;
    assert_eq!(refusal, Some(Refusal::OVERLOADED));
    count("all are dropped", &desk.dropped, most).await;
}

#[tokio::test(start_paused = true)]
async fn cancelling_makes_room_and_cancelling_nothing_is_no_harm() {
    let net = Memory::default();
    let (_one, desk) = node(&net, 1).await;
    let mut stream = welcomed(&net).await;
    let rounds = 3 * Lane::Rpc.calls_max();
    for n in 1..=rounds as u64 {
        let bytes = [
            frame(CALL, WAIT, n, b""),
            frame(CANCEL, 0, n, b""),
            frame(CANCEL, 0, n + 1, b""),
        ];
        stream.write_all(&bytes.concat()).await.unwrap();
    }
    stream
        .write_all(&frame(CALL, ECHO, 9_999_999, b"on"))
        .await
        .unwrap();
    while read_frame(&mut stream).await.unwrap().0 != ANSWER {}
    // A call that is cancelled before its task ran was never begun; the last was no WAIT.
    let begun = desk.begun.load(Ordering::SeqCst);
    count("all others are dropped", &desk.dropped, begun - 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_is_opened_again_replaces_the_first() {
    let net = Memory::default();
    let (_one, desk) = node(&net, 1).await;
    let mut first = welcomed(&net).await;
    first.write_all(&frame(CALL, WAIT, 1, b"")).await.unwrap();
    count("the first's call began", &desk.begun, 1).await;
    let mut second = welcomed(&net).await;
    assert_eq!(
        read_refusal(&mut first, &[]).await,
        Some(Refusal::SUPERSEDED)
    );
    count("its handler is dropped", &desk.dropped, 1).await;
    second.write_all(&frame(CALL, ECHO, 1, b"")).await.unwrap();
    while read_frame(&mut second).await.unwrap().0 != ANSWER {}
}

#[tokio::test(start_paused = true)]
async fn connections_that_say_nothing_are_few_and_short() {
    let net = Memory::default();
    let (_one, _desk) = node(&net, 1).await;
    let began = tokio::time::Instant::now();
    let mut silent = Vec::new();
    for _ in 0..limits::GREETINGS_PER_ADDRESS_MAX {
        silent.push(net.dial("1").await.unwrap());
    }
    let mut too_many = net.dial("1").await.unwrap();
    assert_eq!(read_frame(&mut too_many).await, None);
    assert_eq!(began.elapsed(), Duration::ZERO);
    for stream in &mut silent {
        assert_eq!(read_frame(stream).await, None);
    }
    assert!(began.elapsed() >= limits::GREET_WITHIN);
    welcomed(&net).await;
}

/// Plays node 2 for one call by node 1: welcomes with `first`, then says `then`. What the call
/// came to, and node 1's last words.
async fn answering(first: &[u8], then: &[u8]) -> (Result<Bytes, CallError>, Option<u16>) {
    let net = Memory::default();
    let (one, _desk) = node(&net, 1).await;
    let mut listener = net.listen("2").await.unwrap();
    let within = Duration::from_secs(60);
    let call = one.call(2, Lane::Rpc, ECHO, Bytes::new(), within);
    let peer = async {
        let (mut stream, _) = net.accept(&mut listener).await.unwrap();
        assert_eq!(read_frame(&mut stream).await.unwrap().0, HELLO);
        stream.write_all(first).await.unwrap();
        if !then.is_empty() {
            while read_frame(&mut stream).await.unwrap().0 != CALL {}
        }
        match then {
            [] => None,
            then => read_refusal(&mut stream, then).await,
        }
    };
    tokio::join!(call, peer)
}

#[tokio::test(start_paused = true)]
async fn an_acceptor_that_breaks_the_rules_loses_the_call() {
    let too_long = limits::BODY_BYTES_MAX as u32 + 1;
    for bytes in [
        head(too_long, ANSWER, 0, 1),
        head(u32::MAX, ANSWER, 0, 1),
        frame(CALL, ECHO, 1, b""),
        frame(CANCEL, 0, 1, b""),
        frame(WELCOME, 0, 0, b""),
        frame(REFUSED, 0, 1, b""),
        frame(REFUSED, 0, 1, b"\0\x01\xff"),
        head(limits::NOTE_BYTES_MAX as u32 + 1, REFUSED, 0, 1),
        vec![0xff; 20],
    ] {
        let (call, last) = answering(&welcome(member(2)), &bytes).await;
        assert_eq!(call, Err(CallError::Lost), "{bytes:?}");
        assert_eq!(last, Some(Refusal::MALFORMED), "{bytes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_welcome_by_someone_else_is_none() {
    let mut other_cluster = member(2);
    other_cluster.cluster = ClusterId([6; 16]);
    let mut newer = welcome(member(2));
    newer[24] = 2;
    for (bytes, code) in [
        (welcome(member(3)), Refusal::WRONG_NODE),
        (welcome(other_cluster), Refusal::WRONG_CLUSTER),
        (newer, Refusal::VERSION),
    ] {
        match answering(&bytes, &[]).await.0 {
            Err(CallError::Refused(refusal)) => assert_eq!(refusal.code, code),
            other => panic!("expected code {code}, got {other:?}"),
        }
    }
    for bytes in [
        frame(WELCOME, 0, 0, b"TGLK"),
        frame(ANSWER, 0, 1, b""),
        vec![1; 40],
    ] {
        let answer = answering(&bytes, &[]).await.0;
        assert!(answer.unwrap_err().is_undelivered(), "{bytes:?}");
    }
}
