//! Who may connect: certificates, removed nodes, joiners and their pins.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tollgate_link::authority::Validity;
use tollgate_link::net::Tcp;
use tollgate_link::token::JoinToken;
use tollgate_link::{
    CallError, ClusterId, Identity, JoinCall, JoinError, Lane, Member, Pin, Refusal, Unreachable,
    join, limits,
};
use tollgate_protocol::Millis;

use crate::hostile::{hello, raw_tls, read_refusal};
use crate::support::{Cluster, ECHO, JOIN, Node, Shifted, WHO, clock, until};

fn unreachable(answer: Result<String, CallError>, because: &str) {
    match answer {
        Err(CallError::Unreachable(Unreachable::Dial(text)))
            if text.to_lowercase().contains(because) => {}
        other => panic!("expected {because}, got {other:?}"),
    }
}

fn refused(answer: Result<String, CallError>, code: u16) {
    match answer {
        Err(CallError::Refused(refusal)) if refusal.code == code => {
            assert!(refusal.is_undelivered());
        }
        other => panic!("expected code {code}, got {other:?}"),
    }
}

/// What node 2 with this identity hears when it calls node 1, and node 1 when it calls node 2.
async fn strangers(home: &Cluster, stranger: Identity) -> [Result<String, CallError>; 2] {
    let (one, two) = (home.node(1).await, Node::start(stranger).await);
    one.knows(2, &two);
    two.knows(1, &one);
    let answers = [two.call(1, ECHO, "").await, one.call(2, ECHO, "").await];
    assert_eq!(
        one.calls() + two.calls(),
        0,
        "a handler saw a stranger's call"
    );
    answers
}

#[tokio::test]
async fn a_node_of_another_cluster_cannot_connect() {
    let other = Cluster::new();
    let [in_there, out] = strangers(&Cluster::new(), other.identity(2)).await;
    unreachable(in_there, "certificate");
    unreachable(out, "certificate");
}

#[tokio::test]
async fn an_authority_of_the_same_name_is_not_the_authority() {
    let id = ClusterId::generate();
    let other = Cluster::named(id);
    let [in_there, out] = strangers(&Cluster::named(id), other.identity(2)).await;
    unreachable(in_there, "certificate");
    unreachable(out, "certificate");
}

#[tokio::test]
async fn a_certificate_that_is_over_or_not_yet_valid_is_refused() {
    let cluster = Cluster::new();
    let day = Millis::DAY;
    let now = clock().now().0;
    for (from, until) in [(now - 2 * day, now - day), (now + day, now + 2 * day)] {
        let validity = Validity {
            from: Millis(from),
            until: Millis(until),
        };
        let (certificate, key) = cluster.certificate(2, validity);
        let identity = Identity::new(&certificate, &key, clock()).unwrap();
        let [in_there, out] = strangers(&cluster, identity).await;
        unreachable(in_there, "certificate");
        unreachable(out, "certificate");
    }
}

#[tokio::test]
async fn certificates_are_judged_by_the_clock_that_was_given() {
    let cluster = Cluster::new();
    let (certificate, key) = cluster.certificate(1, Validity::from_now(clock().now()));
    let later = Arc::new(Shifted(91 * Millis::DAY as i64));
    let one = Node::start(Identity::new(&certificate, &key, later).unwrap()).await;
    let two = cluster.node(2).await;
    two.knows(1, &one);
    unreachable(two.call(1, ECHO, "").await, "certificate");
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart() {
    let cluster = Cluster::new();
    let now = clock().now();
    let past = Validity {
        from: Millis(now.0 - 2 * Millis::DAY),
        until: Millis(now.0 - Millis::DAY),
    };
    let (certificate, key) = cluster.certificate(1, past);
    let one = Node::start(Identity::new(&certificate, &key, clock()).unwrap()).await;
    let two = cluster.node(2).await;
    two.knows(1, &one);
    one.knows(2, &two);
    unreachable(two.call(1, ECHO, "").await, "certificate");
    unreachable(one.call(2, ECHO, "").await, "certificate");
    let validity = Validity::from_now(now);
    let request = key.request().unwrap();
    let renewed = cluster.authority.issue(1, &request, validity).unwrap();
    let identity = Identity::new(&renewed, &key, clock()).unwrap();
    one.links.renew(identity);
    for (node, to) in [(&two, 1), (&one, 2)] {
        until("the renewed certificate is welcome", async || {
            node.call(to, ECHO, "")
                .await
                .map_err(|error| error.to_string())
        })
        .await;
    }
}

#[tokio::test]
async fn a_certificate_for_another_key_than_the_clusters_is_worth_nothing() {
    let cluster = Cluster::new();
    let (one, two) = (cluster.node(1).await, cluster.node(2).await);
    one.knows(2, &two);
    two.knows(1, &one);
    two.call(1, ECHO, "").await.unwrap();
    // The very authority signed it, as whoever was a node can make it do.
    let false_two = cluster.node(2).await;
    false_two.learns(1, one.peer(&[&one.address]));
    refused(false_two.call(1, ECHO, "").await, Refusal::WRONG_KEY);
    one.learns(2, two.peer(&[&false_two.address]));
    unreachable(one.call(2, ECHO, "").await, "another key");
    assert_eq!(false_two.calls(), 0);
    // What was believed and turns out to be false ends.
    let calls = one.calls();
    one.learns(2, false_two.peer(&[&false_two.address]));
    until("the former node 2 is refused", async || {
        match two.call(1, ECHO, "").await {
            Err(CallError::Refused(refusal)) if refusal.code == Refusal::WRONG_KEY => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert!(one.calls() <= calls + 1, "{} calls", one.calls());
}

#[tokio::test]
async fn a_node_that_is_not_known_yet_gets_in_once_it_is() {
    let cluster = Cluster::new();
    let (one, two) = (cluster.node(1).await, cluster.node(2).await);
    two.learns(1, one.peer(&[&one.address]));
    refused(two.call(1, ECHO, "").await, Refusal::UNKNOWN_NODE);
    assert_eq!(one.links.strangers().await, [2].into());
    assert_eq!((one.calls(), two.links.removed_by()), (0, None));
    one.learns(2, two.peer(&[]));
    until("node 2 is known", async || {
        let answer = two.call(1, ECHO, "").await;
        answer.map_err(|error| error.to_string())
    })
    .await;
}

#[tokio::test]
async fn another_node_at_an_address_is_not_called() {
    let cluster = Cluster::new();
    let (one, three) = (cluster.node(1).await, cluster.node(3).await);
    one.knows(2, &three);
    let error = one.call(2, ECHO, "").await;
    unreachable(error, "certificate");
    assert_eq!(three.calls(), 0);
}

#[tokio::test]
async fn a_removed_node_is_told_so_and_can_do_nothing_else() {
    let cluster = Cluster::new();
    let (one, two) = (cluster.node(1).await, cluster.node(2).await);
    one.knows(2, &two);
    two.knows(1, &one);
    two.call(1, ECHO, "").await.unwrap();
    one.call(2, ECHO, "").await.unwrap();
    assert_eq!(two.links.removed_by(), None);

    one.removes(2);
    let (by, refusal) = until("the removed node knows", async || {
        two.links
            .removed_by()
            .ok_or_else(|| "nobody said so".to_owned())
    })
    .await;
    assert_eq!((by, refusal.code), (1, Refusal::REMOVED));
    let calls = one.calls();
    until("its calls are refused", async || {
        match two.call(1, ECHO, "").await {
            Err(CallError::Refused(refusal)) if refusal.code == Refusal::REMOVED => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    refused(
        two.call_on(1, Lane::Raft, ECHO, "vote").await,
        Refusal::REMOVED,
    );
    assert_eq!(one.calls(), calls);
    let gone = CallError::Unreachable(Unreachable::NoAddress);
    assert_eq!(one.call(2, ECHO, "").await, Err(gone));
}

fn asks(kind: u8) -> JoinCall {
    JoinCall {
        kind,
        body: Bytes::from_static(b"let me in"),
        within: Duration::from_secs(10),
    }
}

#[tokio::test]
async fn a_joiner_recognises_the_cluster_by_its_pin_and_makes_one_kind_of_call() {
    let cluster = Cluster::new();
    let one = cluster.node(1).await;
    let token = JoinToken::generate(cluster.authority.pin());
    let token: JoinToken = token.to_string().parse().unwrap();
    let ask = |kind| join(&Tcp, &one.address, token.pin, clock(), asks(kind));
    let (answer, by) = ask(JOIN).await.unwrap();
    assert_eq!(answer, "joiner");
    let member = Member {
        cluster: cluster.authority.cluster(),
        node: 1,
    };
    assert_eq!(by, member);
    for kind in [ECHO, WHO] {
        match ask(kind).await {
            Err(JoinError::Call(CallError::Refused(refusal))) => {
                assert_eq!(refusal.code, Refusal::NOT_A_MEMBER);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(one.calls(), 1);
}

#[tokio::test]
async fn a_joiner_sends_nothing_to_a_server_without_the_pin() {
    let (cluster, other) = (Cluster::new(), Cluster::new());
    let one = other.node(1).await;
    for pin in [cluster.authority.pin(), Pin([0; 32])] {
        let answer = join(&Tcp, &one.address, pin, clock(), asks(JOIN)).await;
        assert_eq!(answer.unwrap_err(), JoinError::WrongCluster);
    }
    assert_eq!(one.calls(), 0);
}

#[tokio::test]
async fn a_joiner_sends_no_more_than_joining_takes() {
    let cluster = Cluster::new();
    let one = cluster.node(1).await;
    let most = limits::JOIN_BODY_BYTES_MAX;
    for (bytes, fits) in [(most, true), (most + 1, false)] {
        let mut call = asks(JOIN);
        call.body = vec![0; bytes].into();
        let answer = join(&Tcp, &one.address, cluster.authority.pin(), clock(), call).await;
        let too_large = JoinError::Call(CallError::TooLarge(bytes));
        assert_eq!(answer.err(), (!fits).then_some(too_large));
    }
}

#[tokio::test]
async fn who_has_no_certificate_is_no_member() {
    let cluster = Cluster::new();
    let one = cluster.node(1).await;
    let stream = TcpStream::connect(&one.address).await.unwrap();
    let mut stream = raw_tls(stream, &rustls::version::TLS13, None)
        .await
        .unwrap();
    let member = Member {
        cluster: cluster.authority.cluster(),
        node: 2,
    };
    let refusal = read_refusal(&mut stream, &hello(member, 1, Lane::Raft as u8)).await;
    assert_eq!(refusal, Some(Refusal::NOT_A_MEMBER));
}

#[tokio::test]
async fn a_certificate_is_worth_only_its_own_name() {
    let cluster = Cluster::new();
    let one = cluster.node(1).await;
    let (certificate, key) = cluster.certificate(2, Validity::from_now(clock().now()));
    let id = cluster.authority.cluster();
    let other = ClusterId::generate();
    for (cluster, node, to, code) in [
        (id, 3, 1, Refusal::MALFORMED),
        (other, 2, 1, Refusal::MALFORMED),
        (id, 2, 3, Refusal::WRONG_NODE),
    ] {
        let stream = TcpStream::connect(&one.address).await.unwrap();
        let with = Some((&certificate, &key));
        let mut stream = raw_tls(stream, &rustls::version::TLS13, with)
            .await
            .unwrap();
        let hello = hello(Member { cluster, node }, to, Lane::Raft as u8);
        assert_eq!(read_refusal(&mut stream, &hello).await, Some(code));
    }
}

#[tokio::test]
async fn older_tls_is_refused() {
    let cluster = Cluster::new();
    let one = cluster.node(1).await;
    let (certificate, key) = cluster.certificate(2, Validity::from_now(clock().now()));
    let stream = TcpStream::connect(&one.address).await.unwrap();
    let with = Some((&certificate, &key));
    let error = raw_tls(stream, &rustls::version::TLS12, with)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("ProtocolVersion"), "{error}");
}

#[tokio::test]
async fn an_identity_is_made_of_what_belongs_together() {
    let (cluster, other) = (Cluster::new(), Cluster::new());
    let validity = Validity::from_now(clock().now());
    let (certificate, key) = cluster.certificate(2, validity);
    assert!(Identity::new(&certificate, &key, clock()).is_ok());
    let (_, wrong_key) = cluster.certificate(2, validity);
    assert!(Identity::new(&certificate, &wrong_key, clock()).is_err());
    for wrong in [other.authority.cluster().0, ClusterId::generate().0] {
        let mut wrong_name = certificate.clone();
        wrong_name.cluster = wrong;
        assert!(Identity::new(&wrong_name, &key, clock()).is_err());
    }
    let mut wrong_node = certificate;
    wrong_node.node = 3;
    assert!(Identity::new(&wrong_node, &key, clock()).is_err());
}
