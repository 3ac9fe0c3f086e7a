//! Certificates that this product never issues, by the cluster's own authority all the same.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::version::TLS13;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tollgate_link::authority::{NodeCertificate, NodeKey, Validity};
use tollgate_link::{ClusterId, Identity, Lane, Member, Peer, Pin, Refusal};

use crate::hostile::{REFUSED, WELCOME, hello, raw_tls, read_frame};
use crate::support::{Node, clock};

struct Forger(CertifiedIssuer<'static, KeyPair>);

impl Forger {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn certificate(
        &self,
        member: Member,
        names: Vec<String>,
        usages: Vec<ExtendedKeyUsagePurpose>,
    ) -> (NodeCertificate, NodeKey) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = usages;
        let leaf = params.signed_by(&key, &self.0).unwrap();
        let certificate = NodeCertificate {
            cluster: member.cluster.0,
            node: member.node,
            validity: Validity::from_now(clock().now()),
            leaf: leaf.der().to_vec(),
            authority: self.0.der().to_vec(),
        };
        let key = NodeKey::from_pkcs8(&key.serialize_der()).unwrap();
        (certificate, key)
    }
}

const BOTH: [ExtendedKeyUsagePurpose; 2] = [
    ExtendedKeyUsagePurpose::ServerAuth,
    ExtendedKeyUsagePurpose::ClientAuth,
];

fn member(cluster: u8, node: u64) -> Member {
    Member {
        cluster: ClusterId([cluster; 16]),
        node,
    }
}

#[tokio::test]
async fn only_a_certificate_of_exactly_one_member_of_this_cluster_gets_in() {
    let forger = Forger::new();
    let (one, other) = (member(1, 1), member(2, 2));
    let two = member(1, 2);
    let (certificate, key) = forger.certificate(one, vec![one.dns_name()], BOTH.to_vec());
    let node = Node::start(Identity::new(&certificate, &key, clock()).unwrap()).await;
    let foreign = "n2.tollgate.internal".to_owned();
    for (names, usages, says, answer) in [
        (vec![two.dns_name()], BOTH.to_vec(), two, Ok(())),
        (
            vec![other.dns_name()],
            BOTH.to_vec(),
            other,
            Err(Some(Refusal::WRONG_CLUSTER)),
        ),
        (
            vec![one.dns_name()],
            BOTH.to_vec(),
            one,
            Err(Some(Refusal::MALFORMED)),
        ),
        (
            vec![two.dns_name(), other.dns_name()],
            BOTH.to_vec(),
            two,
            Err(None),
        ),
        (
            vec![two.dns_name(), foreign.clone()],
            BOTH.to_vec(),
            two,
            Err(None),
        ),
        (vec![foreign], BOTH.to_vec(), two, Err(None)),
        (
            vec!["*.tollgate.internal".to_owned()],
            BOTH.to_vec(),
            two,
            Err(None),
        ),
        (vec!["127.0.0.1".to_owned()], BOTH.to_vec(), two, Err(None)),
        (vec![two.dns_name()], BOTH[..1].to_vec(), two, Err(None)),
    ] {
        let (certificate, key) = forger.certificate(says, names.clone(), usages);
        // Node 2 is known by whatever key it shows, so that only the certificate is judged.
        let known = Peer {
            key: Pin(key.key_hash()),
            addresses: Vec::new(),
        };
        node.learns(2, known);
        let stream = TcpStream::connect(&node.address).await.unwrap();
        let with = Some((&certificate, &key));
        let mut stream = raw_tls(stream, &TLS13, with).await.unwrap();
        let hello = hello(says, 1, Lane::Raft as u8);
        stream.write_all(&hello).await.unwrap();
        let heard = match read_frame(&mut stream).await {
            Some((WELCOME, ..)) => Ok(()),
            Some((REFUSED, 0, body)) => Err(Some(u16::from_le_bytes([body[0], body[1]]))),
            None => Err(None),
            other => panic!("{other:?}"),
        };
        assert_eq!(heard, answer, "{names:?}");
    }
    assert_eq!(node.calls(), 0);
}
