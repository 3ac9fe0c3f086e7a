//! What an authority issues, refuses, seals and opens.

//! What the authority signs, and what it refuses to.

use webpki::EndEntityCert;

use super::*;

const NOW: Millis = Millis(1_800_000_000_000);

fn authority() -> Authority {
    Authority::create(ClusterId([3; 16]), NOW).unwrap()
}

fn verifies(authority: &CertificateDer<'_>, leaf: &[u8]) -> bool {
    let anchor = webpki::anchor_from_trusted_cert(authority).unwrap();
    let leaf = CertificateDer::from(leaf);
    let leaf = EndEntityCert::try_from(&leaf).unwrap();
    let now = std::time::Duration::from_millis(NOW.0);
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &[anchor],
        &[],
        rustls_pki_types::UnixTime::since_unix_epoch(now),
        webpki::KeyUsage::client_auth(),
        None,
        None,
    )
    .is_ok()
}

#[test]
fn a_certificate_names_its_node_and_is_the_authoritys() {
    let authority = authority();
    let key = NodeKey::generate().unwrap();
    let request = SigningRequest::from_bytes(&key.request().unwrap().to_bytes()).unwrap();
    let issued = authority
        .issue(9, &request, Validity::from_now(NOW))
        .unwrap();
    assert!(verifies(authority.certificate(), &issued.leaf));
    let leaf = CertificateDer::from(issued.leaf.as_slice());
    let parsed = EndEntityCert::try_from(&leaf).unwrap();
    assert_eq!(
        Pin::of_key(&parsed.subject_public_key_info()).0,
        key.key_hash()
    );
    let names: Vec<&str> = parsed.valid_dns_names().collect();
    assert_eq!(names, [issued.member().dns_name()]);
    let read = NodeCertificate::from_bytes(&issued.to_bytes().unwrap()).unwrap();
    assert_eq!(read, issued);
    assert!(!verifies(self::authority().certificate(), &issued.leaf));
}

#[test]
fn two_certificates_never_share_a_serial_number() {
    let authority = authority();
    let request = NodeKey::generate().unwrap().request().unwrap();
    let serial = || {
        let issued = authority
            .issue(9, &request, Validity::from_now(NOW))
            .unwrap();
        let leaf = CertificateDer::from(issued.leaf);
        EndEntityCert::try_from(&leaf).unwrap().serial().to_vec()
    };
    let first = serial();
    assert_eq!(first.len(), 16);
    assert_ne!(first, serial());
}

#[test]
fn what_is_not_a_request_gets_no_certificate() {
    let key = NodeKey::generate().unwrap();
    let bytes = key.request().unwrap().to_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes;
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(SigningRequest::from_bytes(&bad).is_err(), "bit {bit}");
    }
    assert!(SigningRequest::from_bytes(&bytes[1..]).is_err());
    assert!(SigningRequest::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());
    let other = NodeKey::generate().unwrap().request().unwrap();
    assert_ne!(other.key_hash(), key.key_hash());
    let again = NodeKey::from_pkcs8(&key.to_pkcs8()).unwrap();
    let request = again.request().unwrap();
    assert_eq!(request.key_hash(), key.key_hash());
    let never = Validity {
        from: NOW,
        until: NOW,
    };
    assert!(authority().issue(9, &request, never).is_err());
    let error = authority().issue(0, &request, Validity::from_now(NOW));
    assert!(error.unwrap_err().to_string().contains("node 0"));
}

#[test]
fn a_sealed_authority_opens_with_its_key_only_and_signs_as_before() {
    let authority = authority();
    let key = ClusterKey::generate();
    let sealed = authority.seal(&key).unwrap();
    let opened = Authority::open(&sealed, &ClusterKey::from_bytes(key.to_bytes())).unwrap();
    assert_eq!(opened.pin(), authority.pin());
    assert_eq!(opened.cluster(), authority.cluster());
    assert_eq!(opened.certificate(), authority.certificate());
    let request = NodeKey::generate().unwrap().request().unwrap();
    let issued = opened.issue(2, &request, Validity::from_now(NOW)).unwrap();
    assert!(verifies(authority.certificate(), &issued.leaf));

    assert!(Authority::open(&sealed, &ClusterKey::generate()).is_err());
    for cut in 0..sealed.len() {
        assert!(Authority::open(&sealed[..cut], &key).is_err());
    }
    for at in 0..sealed.len() {
        let mut bad = sealed.clone();
        bad[at] ^= 1;
        assert!(Authority::open(&bad, &key).is_err(), "byte {at}");
    }
    assert_ne!(
        sealed,
        authority.seal(&key).unwrap(),
        "a nonce is used twice"
    );
}

#[test]
fn the_pin_is_the_hash_of_the_key_in_the_certificate() {
    let authority = authority();
    let certificate = EndEntityCert::try_from(authority.certificate()).unwrap();
    let spki = certificate.subject_public_key_info();
    assert_eq!(authority.pin(), Pin::of_key(&spki));
    assert_ne!(authority.pin(), self::authority().pin());
}

#[test]
fn a_validity_is_renewed_after_two_thirds() {
    let validity = Validity::from_now(NOW);
    let day = |n: u64| Millis(NOW.0 + n * Millis::DAY);
    assert!(validity.renew_at() > day(59) && validity.renew_at() < day(61));
    assert_eq!(validity.until, day(90));
}

#[test]
fn private_keys_stay_out_of_debug() {
    let key = ClusterKey::from_bytes([0xab; 32]);
    let node = NodeKey::generate().unwrap();
    let shown = format!("{key:?} {node:?} {:?}", authority());
    assert_eq!(
        shown,
        "ClusterKey NodeKey Authority { cluster: 03030303030303030303030303030303, .. }"
    );
}
