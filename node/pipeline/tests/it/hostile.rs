//! Arbitrary requests: nothing panics, events parse, log lines stay lines, one event each.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use tollgate_config::snapshot::Snapshot;
use tollgate_message::{Body, HeaderList, Method, Request, Version};
use tollgate_model::{Cors, LoggingLevel, PayloadFormat};

use tollgate_pipeline::{ClientInfo, FunctionReply, Scheme, serve};

use crate::plans::{
    HOST, api, cache_plan, function, http, param, piece, proxy, route, shop, snapshot, stage,
};
use crate::support::{World, request, run, send};
use tollgate_config::snapshot::IntegrationPlan;

fn everything() -> Snapshot {
    let cors = Cors {
        allow_origins: vec!["https://*".into()],
        ..Cors::default()
    };
    let joined = http(vec![
        piece("/prefix/"),
        param("id"),
        piece("/"),
        param("rest"),
    ]);
    let routes = vec![
        route("GET /http/{id}/{rest+}", IntegrationPlan::Http(joined)),
        route("ANY /one/{rest+}", function(PayloadFormat::V1)),
        route("ANY /two/{rest+}", function(PayloadFormat::V2)).logged(LoggingLevel::Info, true),
        route("GET /cached/{rest+}", proxy()).cached(cache_plan()),
        route("GET /keyed", proxy()).keyed(),
        route("$default", proxy()),
    ];
    let template = "{\"path\":\"$context.path\",\"ua\":\"$context.identity.userAgent\",\
        \"host\":\"$context.domainName\",\"method\":\"$context.httpMethod\",\
        \"ip\":\"$context.identity.sourceIp\",\"error\":\"$context.error.message\"}";
    let shop = api(
        "shop",
        Some(cors),
        vec![stage("$default", routes).log(template)],
    );
    snapshot(vec![shop])
}

fn targets() -> impl Strategy<Value = String> {
    let start = prop_oneof![
        Just("/http/"),
        Just("/one/"),
        Just("/two/"),
        Just("/cached/"),
        Just("/keyed"),
        Just("/_aws/execute-api/"),
        Just("/"),
        Just("")
    ];
    (start, "\\PC{0,40}", any::<bool>()).prop_map(|(start, rest, escaped)| {
        let rest = if escaped {
            rest.replace('a', "%2e").replace('b', "%2F")
        } else {
            rest
        };
        format!("{start}{rest}")
    })
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z-]{1,12}",
        prop::sample::select(vec![
            "host",
            "cookie",
            "user-agent",
            "content-type",
            "content-encoding",
            "connection",
            "upgrade",
            "origin",
            "access-control-request-method",
            "x-forwarded-for",
            "forwarded",
            "traceparent",
            "x-amzn-trace-id",
            "cache-control",
            "authorization",
            "x-api-key",
        ])
        .prop_map(str::to_owned),
    ]
}

fn requests() -> impl Strategy<Value = Request> {
    (
        prop_oneof![
            Just("GET"),
            Just("POST"),
            Just("OPTIONS"),
            Just("HEAD"),
            Just("BREW")
        ],
        targets(),
        proptest::option::of("\\PC{0,60}"),
        vec((names(), vec(any::<u8>(), 0..40)), 0..12),
        vec(any::<u8>(), 0..200),
        prop_oneof![
            Just(Version::Http10),
            Just(Version::Http11),
            Just(Version::Http2)
        ],
    )
        .prop_map(|(method, path, query, fields, body, version)| {
            let mut headers = HeaderList::new();
            headers.append("host", HOST);
            for (name, value) in fields {
                headers.append(&name, value);
            }
            let body = Body::from(bytes::Bytes::from(body));
            Request {
                method: Method::from_token(method),
                path,
                query,
                version,
                headers,
                body,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks(wanted in requests(), trusted in any::<bool>()) {
        let (world, snapshot) = (World::new(), everything());
        let method = wanted.method.clone();
        let proxies: Arc<[_]> = if trusted {
            Arc::from(["203.0.113.0/24".parse().unwrap()])
        } else {
            Arc::from([])
        };
        let client = ClientInfo::new([203, 0, 113, 9].into(), Scheme::Http, 80, proxies);
        let response = run(serve(&world, &snapshot, wanted, &client));
        drop(response.body);
        prop_assert_eq!(world.count(), 1);
        let status = world.last().status;
        prop_assert!((200..=599).contains(&status) && status != 499, "{}", status);
        if let Some(line) = world.last().log_line {
            let safe = !line.chars().any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}');
            prop_assert!(safe, "{:?}", line);
            let json: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(&json["method"], method.as_str());
        }
        for (_, event) in &*world.0.invoked.borrow() {
            let event: serde_json::Value = serde_json::from_slice(event).unwrap();
            prop_assert!(event["version"].is_string());
        }
        for line in &*world.0.exec_lines.borrow() {
            prop_assert!(!line.contains(['\n', '\r', '\u{2028}']), "{:?}", line);
        }
        for sent in &*world.0.sent.borrow() {
            prop_assert!(sent.path.starts_with('/'), "{}", sent.path);
            prop_assert!(sent.path.bytes().all(|b| b.is_ascii_graphic() && b != b'?' && b != b'#'));
            prop_assert_eq!(sent.headers.get_all("host").count(), 1);
            if sent.path.starts_with("/prefix/") {
                let climbs = sent.path.split('/').any(|it| it == ".." || it == ".");
                prop_assert!(!climbs, "{}", sent.path);
            }
        }
    }

    #[test]
    fn functions_may_say_anything(output in outputs(), one in any::<bool>()) {
        let world = World::new();
        let bytes = bytes::Bytes::from(output);
        world.on_function(move |_| Ok(FunctionReply::Buffered(bytes.clone())));
        let format = if one { PayloadFormat::V1 } else { PayloadFormat::V2 };
        let snapshot = shop(vec![route("GET /", function(format))]);
        let response = send(&world, &snapshot, request("GET", HOST, "/"));
        prop_assert!((200..=599).contains(&response.status));
        for (name, value) in &response.headers {
            let token = |b: u8| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&b);
            prop_assert!(!name.is_empty() && name.bytes().all(token), "{:?}", name);
            prop_assert!(!value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)), "{:?}", value);
            prop_assert!(name != "connection" && name != "transfer-encoding");
        }
    }
}

/// JSON near to what functions give, and bytes that are nothing.
fn outputs() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|it| it.to_string()),
        (-10_i64..1_000).prop_map(|it| it.to_string()),
        Just("200".to_owned()),
        "[a-z\r\n\u{0}:; ]{0,12}".prop_map(|it| serde_json::to_string(&it).unwrap()),
        Just("\"aGk=\"".to_owned()),
    ];
    let names = prop_oneof![
        "[a-zA-Z \r\n-]{0,10}",
        Just("Connection".to_owned()),
        Just("x-a".to_owned())
    ];
    let map = vec((names, leaf.clone()), 0..4).prop_map(|members| {
        let members: Vec<_> = members
            .iter()
            .map(|(name, value)| format!("{}:{value}", serde_json::to_string(name).unwrap()))
            .collect();
        format!("{{{}}}", members.join(","))
    });
    let list = vec(leaf.clone(), 0..4).prop_map(|it| format!("[{}]", it.join(",")));
    let value = prop_oneof![leaf, map, list];
    let member = prop::sample::select(vec![
        "statusCode",
        "headers",
        "multiValueHeaders",
        "cookies",
        "body",
        "isBase64Encoded",
        "other",
    ]);
    let envelope = vec((member, value.clone()), 0..6).prop_map(|members| {
        let members: Vec<_> = members
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    });
    prop_oneof![
        4 => envelope.prop_map(String::into_bytes),
        1 => value.prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..50),
    ]
}
