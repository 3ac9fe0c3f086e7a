//! Reference 3 and 5.1: which stage and route a request reaches.

use std::sync::Arc;

use tollgate_config::snapshot::{ApiPlan, HeaderTest, MappingPlan, RulePlan, Snapshot};
use tollgate_model::{ProtocolType, ValueGlob};
use tollgate_pipeline::FaultKind;

use crate::plans::{HOST, api, domain, fixed, proxy, route, shop, snapshot, stage};
use crate::support::{World, request, send, text};

fn two_stages() -> Snapshot {
    let shop = api(
        "shop",
        None,
        vec![
            stage(
                "$default",
                vec![route("GET /pets", fixed(200, "default pets"))],
            ),
            stage("prod", vec![route("GET /pets", fixed(200, "prod pets"))]),
        ],
    );
    let only = api(
        "only",
        None,
        vec![stage("v1", vec![route("GET /", fixed(200, "v1 root"))])],
    );
    snapshot(vec![shop, only])
}

#[test]
fn hosts_and_stages() {
    let snapshot = two_stages();
    let only = "only.execute-api.eu-central-1.amazonaws.com";
    for (host, path, status, body) in [
        (HOST, "/pets", 200, "default pets"),
        (HOST, "/prod/pets", 200, "prod pets"),
        ("SHOP.Execute-API.x:8443", "/prod/pets", 200, "prod pets"),
        ("shop.execute-api.x.", "/pets", 200, "default pets"),
        (HOST, "/Prod/pets", 404, r#"{"message":"Not Found"}"#),
        (HOST, "/$default/pets", 404, r#"{"message":"Not Found"}"#),
        (only, "/v1", 200, "v1 root"),
        (only, "/v1/", 200, "v1 root"),
        (only, "/v2", 404, r#"{"message":"Not Found"}"#),
        (only, "/", 404, r#"{"message":"Not Found"}"#),
        (
            "nobody.execute-api.x",
            "/pets",
            404,
            r#"{"message":"Not Found"}"#,
        ),
        ("example.com", "/pets", 404, r#"{"message":"Not Found"}"#),
        ("", "/pets", 404, r#"{"message":"Not Found"}"#),
        (
            "10.0.0.1:8080",
            "/_aws/execute-api/shop/prod/pets",
            200,
            "prod pets",
        ),
        (
            "10.0.0.1:8080",
            "/_aws/execute-api/shop/pets",
            200,
            "default pets",
        ),
        (
            "[::1]:8080",
            "/_aws/execute-api/shop/$default/pets",
            200,
            "default pets",
        ),
        ("10.0.0.1", "/_aws/execute-api/only/v1", 200, "v1 root"),
        (
            "10.0.0.1",
            "/_aws/execute-api/only",
            404,
            r#"{"message":"Not Found"}"#,
        ),
        (
            "10.0.0.1",
            "/_aws/execute-api/",
            404,
            r#"{"message":"Not Found"}"#,
        ),
    ] {
        let world = World::new();
        let response = send(&world, &snapshot, request("GET", host, path));
        assert_eq!(
            (response.status, &*text(response.body)),
            (status, body),
            "{host} {path}"
        );
        assert_eq!(
            response.headers.get("apigw-requestid"),
            Some(&b"JKJaXmPLvHcESHA="[..])
        );
        assert_eq!(world.count(), 1, "{host} {path}");
    }
}

#[test]
fn a_closed_endpoint_leaves_custom_domains_open() {
    let mut open = api(
        "shop",
        None,
        vec![stage("$default", vec![route("$default", fixed(200, "x"))])],
    );
    Arc::get_mut(&mut open).unwrap().endpoint_open = false;
    let mut snapshot = snapshot(vec![Arc::clone(&open)]);
    snapshot.domains.insert(
        "shop.test".into(),
        domain("shop.test", &[("", &open, "$default")]),
    );
    for (host, path, status) in [
        (HOST, "/", 404),
        ("10.0.0.1", "/_aws/execute-api/shop/", 404),
        ("shop.test", "/", 200),
    ] {
        assert_eq!(
            send(&World::new(), &snapshot, request("GET", host, path)).status,
            status,
            "{host}"
        );
    }
}

#[test]
fn custom_domains() {
    let one = api(
        "one",
        None,
        vec![stage("prod", vec![route("$default", proxy())])],
    );
    let two = api(
        "two",
        None,
        vec![stage("prod", vec![route("$default", proxy())])],
    );
    let mut snapshot = snapshot(vec![Arc::clone(&one), Arc::clone(&two)]);
    let exact = domain(
        "api.example.com",
        &[("a", &one, "prod"), ("a/b", &two, "prod")],
    );
    let wild = domain("*.example.com", &[("", &one, "prod")]);
    snapshot.domains.insert("api.example.com".into(), exact);
    snapshot.wildcards.insert("example.com".into(), wild);
    for (host, path, sent) in [
        ("api.example.com", "/a/x", Some("/x")),
        ("API.example.com:443", "/a", Some("/")),
        ("api.example.com", "/a/b/c", Some("/c")),
        ("api.example.com", "/a/bc", Some("/bc")),
        ("api.example.com", "/ab", None),
        ("api.example.com", "/", None),
        ("other.example.com", "/anything", Some("/anything")),
        ("a.b.example.com", "/anything", None),
    ] {
        let world = World::new();
        let response = send(&world, &snapshot, request("GET", host, path));
        match sent {
            Some(sent) => assert_eq!(world.0.sent.borrow()[0].path, sent, "{host}{path}"),
            None if host == "api.example.com" => {
                assert_eq!(response.status, 403, "{host}{path}");
                assert_eq!(text(response.body), r#"{"message":"Forbidden"}"#);
                assert_eq!(world.last().fault, Some(FaultKind::NoMapping));
            }
            None => assert_eq!(response.status, 404, "{host}{path}"),
        }
    }
    for path in ["/ping", "/sping"] {
        let response = send(
            &World::new(),
            &snapshot,
            request("GET", "api.example.com", path),
        );
        assert_eq!((response.status, &*text(response.body)), (200, "healthy"));
    }
}

#[test]
fn rules_come_before_mappings_and_the_first_that_is_met_counts() {
    let [one, two, three] = ["one", "two", "three"].map(|name| {
        let stage = stage("prod", vec![route("$default", proxy())]);
        api(name, None, vec![stage])
    });
    let rule = |paths: &[&str], headers: &[&[(&str, &str)]], strip, to: Option<&Arc<ApiPlan>>| {
        let test = |(name, value): &(&str, &str)| HeaderTest {
            name: (*name).into(),
            value: ValueGlob::parse(value).unwrap(),
        };
        RulePlan {
            base_paths: paths.iter().map(|it| (*it).into()).collect(),
            headers: headers
                .iter()
                .map(|it| it.iter().map(test).collect())
                .collect(),
            strip_base_path: strip,
            target: to.map(|api| (Arc::clone(api), Arc::clone(&api.stages["prod"]))),
        }
    };
    let either: &[(&str, &str)] = &[("x-a", "1*"), ("x-b", "2")];
    let mut plan = domain("api.example.com", &[("m", &three, "prod")]);
    Arc::get_mut(&mut plan).unwrap().rules = vec![
        rule(&["s/t", "s"], &[either, &[("x-c", "*")]], true, Some(&one)),
        rule(&["s"], &[], false, Some(&two)),
        rule(&["idle"], &[], false, None),
    ];
    let mut snapshot = snapshot(vec![one, two, three]);
    snapshot.domains.insert("api.example.com".into(), plan);
    let both: &[(&str, &str)] = &[("X-A", "1z"), ("x-c", "")];
    for (path, headers, reached) in [
        ("/s/x", both, Ok(("one", "/x"))),
        ("/s", both, Ok(("one", "/"))),
        ("/s/t/x", both, Ok(("one", "/x"))),
        ("/s/x", &[("x-b", "2"), ("x-c", "c")], Ok(("one", "/x"))),
        (
            "/s/x",
            &[("x-b", "0"), ("x-b", "2"), ("x-c", "c")],
            Ok(("one", "/x")),
        ),
        ("/s/x", &[("x-a", "1")], Ok(("two", "/s/x"))),
        ("/s/x", &[("x-a", "2"), ("x-c", "c")], Ok(("two", "/s/x"))),
        ("/S/x", both, Err(403)),
        ("/m/x", both, Ok(("three", "/x"))),
        ("/idle", &[], Err(403)),
        ("/other", both, Err(403)),
    ] {
        let world = World::new();
        let mut sent = request("GET", "api.example.com", path);
        for (name, value) in headers {
            sent.headers.append(name, value);
        }
        let response = send(&world, &snapshot, sent);
        match reached {
            Ok((api, sent)) => {
                assert_eq!(
                    world.last().api_id.as_deref(),
                    Some(api),
                    "{path} {headers:?}"
                );
                assert_eq!(world.0.sent.borrow()[0].path, sent, "{path} {headers:?}");
            }
            Err(status) => assert_eq!(response.status, status, "{path} {headers:?}"),
        }
    }
}

#[test]
fn connections_are_called_under_the_stages_of_websocket_apis_only() {
    let mut chat = api("chat", None, vec![stage("prod", vec![])]);
    Arc::get_mut(&mut chat).unwrap().protocol = ProtocolType::Websocket;
    let plain = stage("$default", vec![route("$default", fixed(200, "a route"))]);
    let mut snapshot = snapshot(vec![Arc::clone(&chat), api("shop", None, vec![plain])]);
    let mapped = domain("chat.test", &[("ws", &chat, "prod")]);
    snapshot.domains.insert("chat.test".into(), mapped);
    let generated = "chat.execute-api.us-east-1.localhost";
    for (host, path, id) in [
        (generated, "/prod/@connections/a%2Fb=", "a/b="),
        (generated, "/prod/%40connections/a%3D/", "a="),
        (
            "10.0.0.1",
            "/_aws/execute-api/chat/prod/@connections/a",
            "a",
        ),
        ("chat.test", "/ws/@connections/a", "a"),
    ] {
        let mut sent = request("POST", host, path);
        sent.body = "text".into();
        let response = send(&World::new(), &snapshot, sent);
        let seen = format!("chat prod {id} POST {path} text");
        assert_eq!(text(response.body), seen, "{host} {path}");
    }
    for (host, path, status) in [
        (generated, "/prod/@connections/", 404),
        (generated, "/prod/@connections", 404),
        (generated, "/prod/connections/a", 404),
        (generated, "/prod/@connections/a/b", 404),
        (generated, "/other/@connections/a", 404),
        (generated, "/prod/more/@connections/a", 404),
        (HOST, "/@connections/a", 200),
    ] {
        let response = send(&World::new(), &snapshot, request("POST", host, path));
        assert_eq!(response.status, status, "{host} {path}");
    }
}

#[test]
fn the_default_mapping_takes_every_other_host() {
    let mut snapshot = two_stages();
    let shop = Arc::clone(&snapshot.apis["shop"]);
    let stage = Arc::clone(&shop.stages["prod"]);
    snapshot.default_mapping = Some(MappingPlan {
        key: "".into(),
        api: shop,
        stage,
    });
    for (host, path, body) in [
        ("anything", "/pets", "prod pets"),
        (HOST, "/pets", "default pets"),
        ("anything", "/_aws/execute-api/only/v1", "v1 root"),
    ] {
        let response = send(&World::new(), &snapshot, request("GET", host, path));
        assert_eq!(text(response.body), body, "{host}");
    }
}

#[test]
fn routes_by_the_table_of_the_reference() {
    let keys = [
        "GET /pets/dog/1",
        "GET /pets/dog/{id}",
        "GET /pets/{proxy+}",
        "ANY /{proxy+}",
        "$default",
    ];
    let snapshot = shop(keys.iter().map(|key| route(key, fixed(200, key))).collect());
    for (method, path, key) in [
        ("GET", "/pets/dog/1", "GET /pets/dog/1"),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
        ("POST", "/test/5", "ANY /{proxy+}"),
        ("POST", "/pets/dog/1", "ANY /{proxy+}"),
        ("BREW", "/pot", "ANY /{proxy+}"),
        ("GET", "/", "$default"),
    ] {
        let world = World::new();
        let response = send(&world, &snapshot, request(method, HOST, path));
        assert_eq!(text(response.body), key, "{method} {path}");
        assert_eq!(world.last().route_key.as_deref(), Some(key));
    }
}
