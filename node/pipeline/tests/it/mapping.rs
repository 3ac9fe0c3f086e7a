//! Reference 5.3: each action on each place from each source.

use tollgate_config::snapshot::JsonPath;
use tollgate_config::snapshot::{
    ContextVar, FixedPlan, IntegrationPlan, MappingAction as Action, MappingStep,
    MappingTarget as Target, PathStep, Piece, Template, Variable,
};
use tollgate_message::{Body, HeaderList, Request, Response};

use crate::plans::{HOST, constant, http, json_path, piece, proxy, route, shop, step, value};
use crate::support::{RequestExt, World, request, send, stream, text};

fn header(name: &str) -> Target {
    Target::Header(name.into())
}

fn query(name: &str) -> Target {
    Target::Query(name.into())
}

fn all(headers: &HeaderList, name: &str) -> Vec<String> {
    headers
        .get_all(name)
        .map(|it| String::from_utf8_lossy(it).into_owned())
        .collect()
}

/// The world after a request went through these request steps.
fn mapped(steps: Vec<MappingStep>, wanted: Request) -> (World, Response) {
    let mut plan = http(vec![piece("/fixed")]);
    plan.request_mapping = steps;
    plan.reads_request_body = true;
    let world = World::new();
    world.on_http(|sent| Ok(Response::new(200).with_body(sent.body)));
    let key = "POST /pets/{id}/{rest+}";
    let response = send(
        &world,
        &shop(vec![route(key, IntegrationPlan::Http(plan))]),
        wanted,
    );
    (world, response)
}

fn wanted() -> Request {
    request("POST", HOST, "/pets/a%20b/c/d?q=1&Q=2&q=x%20y&gone=1&e=&f")
        .header("x-two", "a")
        .header("x-two", "b")
        .header("user-agent", "tests/1")
        .body(r#"{"name":"Rex","age":3,"tags":["x","y"],"owner":{"id":"o1"},"n":null}"#)
}

/// Templates and what they give for [`wanted`].
fn sources() -> Vec<(Template, Option<&'static str>)> {
    let all_tags = JsonPath(vec![PathStep::Member("tags".into()), PathStep::All]);
    let second = JsonPath(vec![PathStep::Member("tags".into()), PathStep::Index(1)]);
    let two = Template(vec![
        Piece::Variable(Variable::Context(ContextVar::Stage)),
        Piece::Text("/".into()),
        Piece::Variable(Variable::RequestHeader("x-two".into())),
    ]);
    vec![
        (constant("text"), Some("text")),
        (value(Variable::RequestHeader("x-two".into())), Some("a,b")),
        (value(Variable::RequestHeader("x-none".into())), None),
        (value(Variable::RequestQuery("q".into())), Some("1,x y")),
        (value(Variable::RequestQuery("Q".into())), Some("2")),
        (value(Variable::RequestPath), Some("/pets/a%20b/c/d")),
        (
            value(Variable::RequestPathParam("id".into())),
            Some("a%20b"),
        ),
        (
            value(Variable::RequestPathParam("rest".into())),
            Some("c/d"),
        ),
        (
            value(Variable::RequestBody(Some(json_path(&["name"])))),
            Some("Rex"),
        ),
        (
            value(Variable::RequestBody(Some(json_path(&["age"])))),
            Some("3"),
        ),
        (
            value(Variable::RequestBody(Some(json_path(&["owner"])))),
            Some(r#"{"id":"o1"}"#),
        ),
        (
            value(Variable::RequestBody(Some(json_path(&["owner", "id"])))),
            Some("o1"),
        ),
        (
            value(Variable::RequestBody(Some(json_path(&["n"])))),
            Some("null"),
        ),
        (
            value(Variable::RequestBody(Some(json_path(&["no", "where"])))),
            None,
        ),
        (
            value(Variable::RequestBody(Some(all_tags))),
            Some(r#"["x","y"]"#),
        ),
        (value(Variable::RequestBody(Some(second))), Some("y")),
        (value(Variable::Context(ContextVar::ApiId)), Some("shop")),
        (
            value(Variable::Context(ContextVar::IdentitySourceIp)),
            Some("203.0.113.9"),
        ),
        (
            value(Variable::Context(ContextVar::IdentityUserAgent)),
            Some("tests/1"),
        ),
        (
            value(Variable::Context(ContextVar::Unknown("x".into()))),
            None,
        ),
        (value(Variable::ResponseHeader("x".into())), None),
        (two, Some("$default/a,b")),
    ]
}

#[test]
fn every_source_of_a_request() {
    for (template, found) in sources() {
        let shown = format!("{template:?}");
        let (world, response) = mapped(
            vec![step(Action::Overwrite, header("x-out"), template)],
            wanted(),
        );
        let sent = world.0.sent.borrow();
        let wanted: Vec<&str> = found.into_iter().collect();
        assert_eq!(all(&sent[0].headers, "x-out"), wanted, "{shown}");
        assert!(
            text(response.body).contains("Rex"),
            "the body goes on whole"
        );
    }
}

#[test]
fn every_action_on_headers_takes_values_from_the_client() {
    let (world, _) = mapped(
        vec![
            step(Action::Remove, header("x-two"), Template::default()),
            step(
                Action::Overwrite,
                header("x-copy"),
                value(Variable::RequestHeader("x-two".into())),
            ),
            step(Action::Append, header("x-copy"), constant("more")),
            step(Action::Remove, header("x-none"), Template::default()),
        ],
        wanted(),
    );
    let sent = world.0.sent.borrow();
    assert!(!sent[0].headers.contains("x-two"));
    assert_eq!(all(&sent[0].headers, "x-copy"), ["a,b", "more"]);
}

#[test]
fn every_action_on_queries() {
    for (steps, result) in [
        (
            vec![step(Action::Remove, query("gone"), Template::default())],
            "q=1&Q=2&q=x%20y&e=&f",
        ),
        (
            vec![step(Action::Remove, query("q"), Template::default())],
            "Q=2&gone=1&e=&f",
        ),
        (
            vec![step(Action::Overwrite, query("q"), constant("a&b=c"))],
            "Q=2&gone=1&e=&f&q=a%26b%3Dc",
        ),
        (
            vec![step(
                Action::Append,
                query("q"),
                value(Variable::RequestPathParam("id".into())),
            )],
            "q=1&Q=2&q=x%20y&gone=1&e=&f&q=a%20b",
        ),
        (
            vec![step(
                Action::Overwrite,
                query("all"),
                value(Variable::RequestQuery("q".into())),
            )],
            "q=1&Q=2&q=x%20y&gone=1&e=&f&all=1%2Cx%20y",
        ),
        (
            ["q", "Q", "gone", "e", "f"]
                .map(|it| step(Action::Remove, query(it), Template::default()))
                .into(),
            "",
        ),
    ] {
        let (world, _) = mapped(steps, wanted());
        let sent = world.0.sent.borrow();
        assert_eq!(sent[0].query.as_deref().unwrap_or_default(), result);
    }
}

#[test]
fn a_mapped_path_keeps_values_in_their_segment() {
    let of = |variable| {
        Template(vec![
            Piece::Text("/base/".into()),
            Piece::Variable(variable),
            Piece::Text("/end".into()),
        ])
    };
    for (template, target, path) in [
        (
            of(Variable::RequestPathParam("id".into())),
            "/pets/a%20b/c",
            Some("/base/a%20b/end"),
        ),
        (
            of(Variable::RequestPathParam("id".into())),
            "/pets/a%2Fb/c",
            Some("/base/a%2Fb/end"),
        ),
        (
            of(Variable::RequestQuery("q".into())),
            "/pets/1/c?q=..%2F..%2Fx%3Fy%23z",
            None,
        ),
        (
            of(Variable::RequestQuery("q".into())),
            "/pets/1/c?q=a%2Fb%3Fc",
            Some("/base/a%2Fb%3Fc/end"),
        ),
        (
            of(Variable::RequestPathParam("id".into())),
            "/pets/../c",
            None,
        ),
        (
            of(Variable::RequestQuery("q".into())),
            "/pets/1/c?q=..",
            None,
        ),
        (
            value(Variable::RequestPath),
            "/pets/1/c%20d",
            Some("/pets/1/c%20d"),
        ),
        (constant("no-slash"), "/pets/1/c", Some("/no-slash")),
    ] {
        let steps = vec![step(Action::Overwrite, Target::Path, template)];
        let (world, response) = mapped(steps, request("POST", HOST, target));
        match path {
            Some(path) => assert_eq!(world.0.sent.borrow()[0].path, path, "{target}"),
            None => assert_eq!((response.status, world.sent_count()), (400, 0), "{target}"),
        }
    }
}

#[test]
fn values_cannot_begin_another_header() {
    let steps = vec![step(
        Action::Overwrite,
        header("x-out"),
        value(Variable::RequestQuery("q".into())),
    )];
    let (world, _) = mapped(
        steps,
        request("POST", HOST, "/pets/1/c?q=a%0d%0aset-cookie:%20b%00"),
    );
    let sent = world.0.sent.borrow();
    assert_eq!(all(&sent[0].headers, "x-out"), ["a  set-cookie: b"]);
}

#[test]
fn only_the_first_100_kb_of_a_body_are_read_and_all_of_it_is_sent() {
    let long = format!(r#"{{"name":"Rex","pad":"{}"}}"#, "x".repeat(200 * 1024));
    let length = long.len();
    let steps = vec![step(
        Action::Overwrite,
        header("x-name"),
        value(Variable::RequestBody(Some(json_path(&["name"])))),
    )];
    let (world, response) = mapped(steps, request("POST", HOST, "/pets/1/c").body(long));
    assert!(
        !world.0.sent.borrow()[0].headers.contains("x-name"),
        "cut JSON is no JSON"
    );
    assert_eq!(text(response.body).len(), length);
}

/// The response after these steps for status 200; the back end says `reply`.
fn answered(steps: Vec<MappingStep>, reply: impl Fn() -> Body + 'static) -> Response {
    let mut plan = http(vec![piece("/x")]);
    plan.response_mapping.insert(200, steps);
    plan.reads_response_body = true;
    let world = World::new();
    world.on_http(move |_| {
        Ok(Response::new(200)
            .with_header("x-a", "1")
            .with_header("x-a", "2")
            .with_header("server", "old")
            .with_body(reply()))
    });
    send(
        &world,
        &shop(vec![route("GET /", IntegrationPlan::Http(plan))]),
        request("GET", HOST, "/"),
    )
}

#[test]
fn responses_are_mapped_by_status() {
    let steps = vec![
        step(Action::Remove, header("server"), Template::default()),
        step(
            Action::Overwrite,
            header("x-b"),
            value(Variable::ResponseHeader("x-a".into())),
        ),
        step(
            Action::Append,
            header("x-a"),
            value(Variable::ResponseBody(Some(json_path(&["code"])))),
        ),
        step(
            Action::Append,
            header("x-route"),
            value(Variable::Context(ContextVar::RouteKey)),
        ),
        step(
            Action::Overwrite,
            Target::StatusCode,
            value(Variable::ResponseBody(Some(json_path(&["code"])))),
        ),
    ];
    let response = answered(steps, || Body::from(r#"{"code":418}"#));
    assert_eq!(response.status, 418);
    assert_eq!(all(&response.headers, "x-b"), ["1,2"]);
    assert_eq!(all(&response.headers, "x-a"), ["1", "2", "418"]);
    assert_eq!(all(&response.headers, "x-route"), ["GET /"]);
    assert!(!response.headers.contains("server"));
    assert_eq!(text(response.body), r#"{"code":418}"#);
}

#[test]
fn a_mapped_status_out_of_range_is_ignored_and_other_statuses_are_untouched() {
    for status in ["99", "100", "600", "abc", "", "-1"] {
        let steps = vec![step(
            Action::Overwrite,
            Target::StatusCode,
            constant(status),
        )];
        assert_eq!(answered(steps, || Body::Empty).status, 200, "{status}");
    }
    let mut plan = http(vec![piece("/x")]);
    plan.response_mapping.insert(
        404,
        vec![step(Action::Overwrite, Target::StatusCode, constant("204"))],
    );
    let world = World::new();
    world.on_http(|_| Ok(Response::new(404).with_body("gone")));
    let snapshot = shop(vec![
        route("GET /", IntegrationPlan::Http(plan)),
        route("GET /p", proxy()),
    ]);
    let response = send(&world, &snapshot, request("GET", HOST, "/"));
    assert_eq!((response.status, response.body.is_empty()), (204, true));
    assert_eq!(
        send(&world, &snapshot, request("GET", HOST, "/p")).status,
        404
    );
}

#[test]
fn a_streamed_response_survives_mapping() {
    let steps = vec![step(
        Action::Append,
        header("x-code"),
        value(Variable::ResponseBody(Some(json_path(&["code"])))),
    )];
    let response = answered(steps, || {
        stream(vec![Ok(br#"{"co"#), Ok(br#"de":7}"#)], None)
    });
    assert_eq!(all(&response.headers, "x-code"), ["7"]);
    assert_eq!(text(response.body), r#"{"code":7}"#);
}

#[test]
fn fixed_responses_speak_of_the_request() {
    let plan = FixedPlan {
        status: 203,
        headers: vec![
            (
                "x-id".into(),
                value(Variable::Context(ContextVar::RequestId)),
            ),
            (
                "x-none".into(),
                value(Variable::RequestHeader("nope".into())),
            ),
        ],
        body: Template(vec![
            Piece::Text("hello ".into()),
            Piece::Variable(Variable::RequestBody(Some(json_path(&["name"])))),
            Piece::Text(" from ".into()),
            Piece::Variable(Variable::RequestPathParam("id".into())),
        ]),
    };
    let snapshot = shop(vec![route("POST /pets/{id}", IntegrationPlan::Fixed(plan))]);
    let sent = request("POST", HOST, "/pets/7").body(r#"{"name":"Rex"}"#);
    let response = send(&World::new(), &snapshot, sent);
    assert_eq!(response.status, 203);
    assert_eq!(all(&response.headers, "x-id"), ["JKJaXmPLvHcESHA="]);
    assert!(!response.headers.contains("x-none"));
    assert_eq!(text(response.body), "hello Rex from 7");
}
