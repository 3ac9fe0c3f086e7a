//! The cache against a scripted resolver: no name server is asked.

use super::*;

fn resolver(script: Vec<Result<Answer, NoAddress>>) -> Arc<Resolver> {
    let source = Source::Scripted(std::sync::Mutex::new(script.into()));
    Arc::new(Resolver {
        runtime: Handle::current(),
        source,
    })
}

fn answer(last_byte: u8, ttl: Duration) -> Result<Answer, NoAddress> {
    Ok(Answer {
        addresses: vec![address(last_byte)],
        ttl,
    })
}

fn address(last_byte: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, last_byte).into()
}

/// Makes what is cached stale, as if its TTL had passed.
fn expire(host: &HostAddresses) {
    let name = host.name.as_ref().expect("a name");
    let known = name.known.load();
    let result = known.as_deref().expect("looked up").result.clone();
    name.known.store(Some(Arc::new(Known {
        result,
        until: Instant::now(),
    })));
}

async fn refreshed(host: &HostAddresses, done: impl Fn(&Known) -> bool) {
    let name = host.name.as_ref().expect("a name");
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let known = name.known.load();
        let known = known.as_deref().expect("looked up");
        if done(known) && !name.refreshing.load(Ordering::Acquire) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "not refreshed, last: {:?}",
            known.result
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn asks_once_while_the_ttl_lasts() {
    let resolver = resolver(vec![answer(1, Duration::from_secs(60))]);
    let host = HostAddresses::new("back.example");
    let (a, b) = tokio::join!(host.get(&resolver), host.get(&resolver));
    assert_eq!((a, b), (Ok(vec![address(1)]), Ok(vec![address(1)])));
}

#[tokio::test]
async fn stale_is_served_while_the_refresh_runs() {
    let resolver = resolver(vec![
        answer(1, Duration::ZERO),
        answer(2, Duration::from_secs(60)),
    ]);
    let host = HostAddresses::new("back.example");
    assert_eq!(host.get(&resolver).await, Ok(vec![address(1)]));
    let version = host.version();
    expire(&host);
    assert_eq!(
        host.get(&resolver).await,
        Ok(vec![address(1)]),
        "never waits for a refresh"
    );
    refreshed(&host, |known| known.result == Ok(vec![address(2)])).await;
    assert_eq!(host.get(&resolver).await, Ok(vec![address(2)]));
    assert_ne!(host.version(), version);
    assert!(!host.contains(address(1)));
}

#[tokio::test]
async fn stale_is_kept_when_the_refresh_fails() {
    let resolver = resolver(vec![answer(1, Duration::ZERO), Err("servfail".into())]);
    let host = HostAddresses::new("back.example");
    assert_eq!(host.get(&resolver).await, Ok(vec![address(1)]));
    expire(&host);
    let stale_since = Instant::now();
    assert_eq!(host.get(&resolver).await, Ok(vec![address(1)]));
    refreshed(&host, |known| known.until > stale_since).await;
    assert_eq!(host.get(&resolver).await, Ok(vec![address(1)]));
}

#[tokio::test]
async fn a_failure_is_remembered_and_then_asked_again() {
    let resolver = resolver(vec![
        Err("nxdomain".into()),
        answer(1, Duration::from_secs(60)),
    ]);
    let host = HostAddresses::new("back.example");
    assert_eq!(host.get(&resolver).await, Err("nxdomain".into()));
    assert_eq!(
        host.get(&resolver).await,
        Err("nxdomain".into()),
        "remembered"
    );
    expire(&host);
    assert_eq!(host.get(&resolver).await, Ok(vec![address(1)]));
}

#[tokio::test]
async fn addresses_are_rotated() {
    let three = Answer {
        addresses: vec![address(1), address(2), address(3)],
        ttl: Duration::from_secs(60),
    };
    let resolver = resolver(vec![Ok(three)]);
    let host = HostAddresses::new("back.example");
    let mut firsts = Vec::new();
    for _ in 0..3 {
        firsts.push(host.get(&resolver).await.expect("resolved")[0]);
    }
    firsts.sort();
    assert_eq!(firsts, [address(1), address(2), address(3)]);
}

#[tokio::test]
async fn literals_and_localhost_ask_nobody() {
    let resolver = resolver(Vec::new());
    for (host, first) in [
        ("127.0.0.7", "127.0.0.7"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("LocalHost", "127.0.0.1"),
        ("a.localhost.", "127.0.0.1"),
    ] {
        let addresses = HostAddresses::new(host)
            .get(&resolver)
            .await
            .expect("no look-up");
        assert_eq!(addresses[0], first.parse::<IpAddr>().unwrap(), "{host}");
    }
}
