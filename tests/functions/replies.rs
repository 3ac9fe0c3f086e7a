//! What becomes of what a function returns, and of nothing.

use tollgate_harness::Node;

use crate::code::{APIS, RUNTIMES, get, start};

#[test]
fn a_full_reply_sets_everything() {
    let node = start("");
    for api in APIS {
        let response = get(&node, api, "/full");
        assert_eq!(response.status, 201, "{api}: {response:?}");
        assert_eq!(response.header("x-one"), Some("1"), "{api}: {response:?}");
        assert_eq!(
            response.header("content-type"),
            Some("text/html"),
            "{api}: {response:?}"
        );
        let cookies: Vec<&str> = response
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(cookies, ["a=1; Path=/", "b=2"], "{api}");
        let all_bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(response.body, all_bytes, "{api}");
    }
}

#[test]
fn format_2_0_infers_a_response() {
    let node = start("");
    for runtime in RUNTIMES {
        let api = format!("{runtime}-2");
        for (path, body) in [
            ("/text", "only text"),
            ("/number", "42"),
            ("/nothing", "null"),
        ] {
            let response = get(&node, &api, path);
            assert_eq!(
                (response.status, response.text().as_str()),
                (200, body),
                "{api}{path}"
            );
            assert_eq!(
                response.header("content-type"),
                Some("application/json"),
                "{api}{path}"
            );
        }
        let bare = get(&node, &api, "/bare");
        assert_eq!(bare.json(), serde_json::json!({"plain": "object"}), "{api}");
    }
}

#[test]
fn what_is_no_reply_is_the_functions_fault_and_tells_the_client_nothing() {
    let node = start("");
    for runtime in RUNTIMES {
        for path in [
            "/bare", "/text", "/number", "/nothing", "/status", "/raise", "/unknown",
        ] {
            refused(&node, &format!("{runtime}-1"), path);
        }
        for path in ["/status", "/raise", "/unknown"] {
            refused(&node, &format!("{runtime}-2"), path);
        }
    }
}

fn refused(node: &Node, api: &str, path: &str) {
    let response = get(node, api, path);
    assert_eq!(response.status, 500, "{api}{path}: {response:?}");
    assert_eq!(
        response.text(),
        r#"{"message":"Internal Server Error"}"#,
        "{api}{path}"
    );
}
