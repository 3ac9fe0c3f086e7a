//! Reference 7.3: from a function's output to a response.

use tollgate_message::Response;
use tollgate_model::PayloadFormat;
use tollgate_pipeline::{FunctionReply, IntegrationErrorKind};

use crate::plans::{HOST, function, route, shop};
use crate::support::{World, request, send, stream, text};

fn answer(format: PayloadFormat, output: &'static str) -> (World, Response) {
    let world = World::new();
    world.on_function_output(output);
    let snapshot = shop(vec![route("GET /", function(format))]);
    let response = send(&world, &snapshot, request("GET", HOST, "/"));
    (world, response)
}

fn fields(response: &Response) -> Vec<(String, String)> {
    response
        .headers
        .iter()
        .filter(|(name, _)| *name != "apigw-requestid")
        .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()))
        .collect()
}

#[test]
fn format_2_infers() {
    let json = "application/json";
    let plain = "text/plain;charset=UTF-8";
    for (output, status, content_type, body) in [
        (r#"{"a":1}"#, 200, json, r#"{"a":1}"#),
        (r#" [1, 2] "#, 200, json, r#" [1, 2] "#),
        (r#""hello""#, 200, json, "hello"),
        ("17", 200, json, "17"),
        ("null", 200, json, "null"),
        ("{}", 200, json, "{}"),
        (r#"{"body":"x"}"#, 200, json, r#"{"body":"x"}"#),
        (
            r#"{"headers":5,"body":[]}"#,
            200,
            json,
            r#"{"headers":5,"body":[]}"#,
        ),
        (
            r#"{"statusCode":null}"#,
            200,
            json,
            r#"{"statusCode":null}"#,
        ),
        (r#"{"statusCode":201,"body":"made"}"#, 201, plain, "made"),
        (r#"{"statusCode":"204"}"#, 204, plain, ""),
        (r#"{"statusCode":200.0,"body":null}"#, 200, plain, ""),
        (
            r#"{"statusCode":200,"unknown":true,"body":"x"}"#,
            200,
            plain,
            "x",
        ),
        (
            r#"{"statusCode":200,"isBase64Encoded":true,"body":"aGk="}"#,
            200,
            plain,
            "hi",
        ),
        (
            r#"{"statusCode":200,"headers":{"Content-Type":"a/b"},"body":"x"}"#,
            200,
            "a/b",
            "x",
        ),
        (
            r#"{"statusCode":200,"headers":null,"cookies":null,"body":"é"}"#,
            200,
            plain,
            "é",
        ),
    ] {
        let (_, response) = answer(PayloadFormat::V2, output);
        assert_eq!(response.status, status, "{output}");
        assert_eq!(
            response.headers.get_str("content-type"),
            Some(content_type),
            "{output}"
        );
        assert_eq!(text(response.body), body, "{output}");
    }
}

#[test]
fn format_2_headers_and_cookies() {
    let output = r#"{"statusCode":200,"cookies":["a=1","b=2; Secure"],
        "headers":{"X-Flag":true,"x-number":7,"Connection":"close","content-length":"99"}}"#;
    let (_, response) = answer(PayloadFormat::V2, output);
    let found = fields(&response);
    let found: Vec<(&str, &str)> = found.iter().map(|(n, v)| (&**n, &**v)).collect();
    assert_eq!(
        found,
        [
            ("x-flag", "true"),
            ("x-number", "7"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2; Secure"),
            ("content-type", "text/plain;charset=UTF-8"),
        ]
    );
}

#[test]
fn format_1_wants_the_envelope() {
    for (output, status, body) in [
        (r#"{"statusCode":201,"body":"made"}"#, 201, "made"),
        (
            r#"{"statusCode":"201","headers":null,"body":"made"}"#,
            201,
            "made",
        ),
        (r#"{"body":"only a body"}"#, 200, "only a body"),
        (
            r#"{"statusCode":200,"body":"aGk=","isBase64Encoded":true}"#,
            200,
            "hi",
        ),
    ] {
        let (_, response) = answer(PayloadFormat::V1, output);
        assert_eq!(response.status, status, "{output}");
        assert_eq!(
            response.headers.get_str("content-type"),
            Some("application/json")
        );
        assert_eq!(text(response.body), body, "{output}");
    }
}

#[test]
fn format_1_emits_multi_values_before_single_ones() {
    let output = r#"{"statusCode":200,"headers":{"x-a":"single","X-B":"2"},
        "multiValueHeaders":{"X-A":["one","two"],"set-cookie":["a=1","b=2"],"x-b":["2"]}}"#;
    let (_, response) = answer(PayloadFormat::V1, output);
    let of = |name: &str| -> Vec<String> {
        fields(&response)
            .into_iter()
            .filter(|(it, _)| it == name)
            .map(|(_, value)| value)
            .collect()
    };
    assert_eq!(of("x-a"), ["one", "two", "single"]);
    assert_eq!(of("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(of("x-b"), ["2"], "the same pair twice is one");
}

#[test]
fn what_is_no_reply_is_a_500() {
    let both = [
        "",
        "not json",
        "{",
        r#"{"statusCode":"abc"}"#,
        r#"{"statusCode":99}"#,
        r#"{"statusCode":101}"#,
        r#"{"statusCode":600}"#,
        r#"{"statusCode":200.5}"#,
        r#"{"statusCode":[]}"#,
        r#"{"statusCode":200,"body":{}}"#,
        r#"{"statusCode":200,"headers":{"bad name":"x"}}"#,
        r#"{"statusCode":200,"headers":{"x":"a\r\nset-cookie: evil=1"}}"#,
        r#"{"statusCode":200,"headers":{"x":["a"]}}"#,
        r#"{"statusCode":200,"headers":[]}"#,
        r#"{"statusCode":200,"body":"%%%","isBase64Encoded":true}"#,
        r#"{"statusCode":200,"multiValueHeaders":{"x":"a"}}"#,
    ];
    let only_1 = [
        r#""bare string""#,
        "17",
        "[1]",
        "null",
        "{}",
        " { } ",
        r#"{"statusCode":200,"unknown":1}"#,
        r#"{"statusCode":200,"cookies":["a=1"]}"#,
        r#"{"message":"hello"}"#,
    ];
    let cases = both
        .iter()
        .flat_map(|it| [(PayloadFormat::V1, *it), (PayloadFormat::V2, *it)])
        .chain(only_1.iter().map(|it| (PayloadFormat::V1, *it)));
    for (format, output) in cases {
        let (world, response) = answer(format, output);
        assert_eq!(response.status, 500, "{format:?} {output}");
        assert_eq!(
            text(response.body),
            r#"{"message":"Internal Server Error"}"#
        );
        assert!(!response.headers.contains("set-cookie"));
        assert!(world.last().error_message.is_some(), "{output}");
    }
    assert_eq!(IntegrationErrorKind::BadOutput.as_str(), "bad_output");
}

#[test]
fn a_streamed_reply_is_its_prelude_and_its_body() {
    let world = World::new();
    world.on_function(|_| {
        Ok(FunctionReply::Streaming {
            prelude:
                r#"{"statusCode":203,"headers":{"content-type":"text/html"},"cookies":["a=1"]}"#
                    .into(),
            body: stream(vec![Ok(b"one "), Ok(b"two")], None),
        })
    });
    let snapshot = shop(vec![route("GET /", function(PayloadFormat::V2))]);
    let response = send(&world, &snapshot, request("GET", HOST, "/"));
    assert_eq!(response.status, 203);
    assert_eq!(response.headers.get_str("content-type"), Some("text/html"));
    assert_eq!(response.headers.get_str("set-cookie"), Some("a=1"));
    assert_eq!(world.count(), 0, "the body has not ended");
    assert_eq!(text(response.body), "one two");
    assert_eq!(world.last().response_bytes, 7);
    world.on_function(|_| {
        Ok(FunctionReply::Streaming {
            prelude: "{]".into(),
            body: stream(vec![Ok(b"x")], None),
        })
    });
    assert_eq!(
        send(&world, &snapshot, request("GET", HOST, "/")).status,
        500
    );
}
