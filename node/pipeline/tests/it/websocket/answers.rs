//! What becomes of an answer: which ones open a connection, which response and template are for
//! them, how much of them is sent and as what.

use bytes::Bytes;
use serde_json::json;
use tollgate_message::Response;
use tollgate_model::{ContentHandling, Integration, IntegrationResponse, IntegrationType};
use tollgate_pipeline::{FaultKind, FunctionReply, Message, message};
use tollgate_protocol::limits::CONNECTION_DATA_BYTES_MAX;

use super::{answers, chat, function, handshake, http, open, say};
use crate::compiled::compiled_with;
use crate::support::{World, run, send};

/// A function whose whole output is the answer.
fn raw() -> Integration {
    Integration {
        integration_type: IntegrationType::Aws,
        ..function()
    }
}

fn throws(world: &World) {
    *world.0.function.borrow_mut() = Box::new(|_| {
        let error = json!({"errorMessage": "who are you", "errorType": "Refused"});
        Ok(FunctionReply::Error(error.to_string().into()))
    });
}

#[test]
fn a_connect_that_throws_lets_nobody_in() {
    for it in [function(), raw()] {
        let kind = it.integration_type;
        let (world, snapshot) = (
            World::new(),
            compiled_with(chat(vec![("$connect", Some(it))], |_| {})),
        );
        throws(&world);
        assert_eq!(send(&world, &snapshot, handshake()).status, 500, "{kind:?}");
        assert_eq!(world.last().fault, Some(FaultKind::BadFunctionOutput));
        assert!(world.0.opened.borrow().is_empty());
        assert_eq!(world.0.released.borrow().len(), 1);
    }
}

#[test]
fn a_template_is_chosen_by_what_the_answer_says() {
    let chosen = |expression: &str, key: &str| {
        let mut response = answers("$default", "");
        response.template_selection_expression = Some(expression.into());
        response.response_templates = [
            (key.to_owned(), "for the client".to_owned()),
            ("$default".to_owned(), "the wrong one".to_owned()),
        ]
        .into();
        Integration {
            integration_responses: [("a".into(), response)].into(),
            ..http(IntegrationType::Http)
        }
    };
    for (expression, key) in [
        ("${integration.response.statuscode}", "404"),
        ("${integration.response.header.x-kind}", "odd"),
        ("${integration.response.body.kind}", "inner"),
        ("${request.body.action}", "say"),
        (
            "${request.body.action}/${integration.response.statuscode}",
            "say/404",
        ),
    ] {
        let it = chosen(expression, key);
        let api = chat(vec![("$connect", None), ("say!", Some(it))], |_| {});
        let (world, snapshot) = (World::new(), compiled_with(api));
        let socket = open(&world, &snapshot);
        world.on_http(|_| {
            let mut response = Response::new(404).with_body(r#"{"kind":"inner"}"#);
            response.headers.append("x-kind", "odd");
            Ok(response)
        });
        let told = say(&world, &snapshot, &socket, r#"{"action":"say"}"#);
        assert_eq!(told.as_deref(), Some("for the client"), "{expression}");
    }
}

#[test]
fn what_is_not_known_yet_chooses_no_template_of_the_request() {
    let it = Integration {
        template_selection_expression: Some("${integration.response.statuscode}".into()),
        ..http(IntegrationType::Http)
    };
    let api = chat(vec![("$connect", None), ("say!", Some(it))], |_| {});
    let (world, snapshot) = (World::new(), compiled_with(api));
    let socket = open(&world, &snapshot);
    let told = say(&world, &snapshot, &socket, r#"{"action":"say"}"#).unwrap();
    assert!(told.contains("Internal server error"), "{told}");
    assert_eq!(world.last().fault, Some(FaultKind::Configuration));
    assert_eq!(world.sent_count(), 0);
}

/// One that is right for a client of this size and one byte too much for it.
#[test]
fn an_answer_is_at_most_a_message_and_more_is_told_as_an_error() {
    let most = CONNECTION_DATA_BYTES_MAX;
    for it in [function(), raw()] {
        let kind = it.integration_type;
        let proxy = kind == IntegrationType::AwsProxy;
        let api = chat(vec![("$connect", None), ("say!", Some(it))], |_| {});
        let (world, snapshot) = (World::new(), compiled_with(api));
        let socket = open(&world, &snapshot);
        for (bytes, fits) in [(most, true), (most + 1, false)] {
            let body = "x".repeat(bytes);
            let output = match proxy {
                true => json!({"statusCode": 200, "body": body}).to_string(),
                false => body,
            };
            let output = Bytes::from(output);
            *world.0.function.borrow_mut() =
                Box::new(move |_| Ok(FunctionReply::Buffered(output.clone())));
            let told = say(&world, &snapshot, &socket, r#"{"action":"say"}"#).unwrap();
            let error = told.contains("Internal server error");
            assert_eq!((told.len() == most, error), (fits, !fits), "{kind:?}");
        }
    }
}

#[test]
fn a_raw_answer_of_bytes_is_no_text() {
    let mut it = raw();
    let plain = IntegrationResponse {
        integration_response_key: "$default".into(),
        ..IntegrationResponse::default()
    };
    for responses in [[].into(), [("a".into(), plain)].into()] {
        it.integration_responses = responses;
        let routes = vec![("$connect", None), ("say!", Some(it.clone()))];
        let (world, snapshot) = (World::new(), compiled_with(chat(routes, |_| {})));
        let socket = open(&world, &snapshot);
        for (output, binary) in [(&b"\xff\x00"[..], true), (b"text", false)] {
            *world.0.function.borrow_mut() =
                Box::new(move |_| Ok(FunctionReply::Buffered(Bytes::from_static(output))));
            let said = Message {
                data: Bytes::from_static(br#"{"action":"say"}"#),
                binary: false,
            };
            let reply = run(message(&world, &snapshot, &socket, said)).unwrap();
            assert_eq!((&*reply.data, reply.binary), (output, binary));
        }
    }
}

#[test]
fn bytes_go_to_a_back_end_as_base64_where_the_integration_says_so() {
    let it = Integration {
        content_handling_strategy: Some(ContentHandling::ConvertToText),
        ..http(IntegrationType::HttpProxy)
    };
    let api = chat(vec![("$connect", None), ("$default!", Some(it))], |_| {});
    let (world, snapshot) = (World::new(), compiled_with(api));
    let socket = open(&world, &snapshot);
    for (data, binary, sent) in [
        (&b"\xff\x00"[..], true, "/wA="),
        (b"text", true, "dGV4dA=="),
        (b"text", false, "text"),
    ] {
        world.on_http(|request| {
            let said = run(request.body.collect(100)).unwrap();
            Ok(Response::new(200).with_body(said))
        });
        let said = Message {
            data: Bytes::from_static(data),
            binary,
        };
        let reply = run(message(&world, &snapshot, &socket, said)).unwrap();
        assert_eq!(reply.data, sent);
    }
}
