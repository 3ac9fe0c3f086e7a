//! What botocore's own clients send for each operation is recognised and authenticated.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tollgate_aws::operations::{OPERATIONS, match_operation};
use tollgate_aws::sigv4::{BodyHash, RequestView, Verifier, VerifierOptions};
use tollgate_aws::{Secret, Service};

/// 2026-01-02T03:04:05Z
const NOW_MS: u64 = 1_767_323_045_000;

#[derive(Debug, Deserialize)]
struct Sent {
    client: String,
    operation: String,
    labels: std::collections::BTreeMap<String, String>,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

#[test]
fn every_operation_of_the_clients() {
    let sent: Vec<Sent> = serde_json::from_str(include_str!("../testdata/requests.json")).unwrap();
    assert_eq!(sent.len(), OPERATIONS.len());
    for sent in sent {
        let (service, prefix) = match &*sent.client {
            "apigateway" => (Service::ApiGateway, ""),
            "apigatewayv2" => (Service::ApiGatewayV2, ""),
            _ => (Service::Management, "/prod"),
        };
        let query = Some(&*sent.query).filter(|query| !query.is_empty());
        let found = match_operation(&sent.method, &sent.path, query);
        let found = found.unwrap_or_else(|| panic!("{} {}", sent.method, sent.path));
        let operation = found.operation;
        assert_eq!(
            (operation.service, operation.name),
            (service, &*sent.operation)
        );
        assert_eq!(found.prefix, prefix);
        assert_eq!(
            operation.labels.len(),
            sent.labels.len(),
            "{}",
            operation.name
        );
        for (label, value) in &sent.labels {
            assert_eq!(found.label(label), Some(&**value), "{}", operation.name);
        }

        let verifier = Verifier::new(VerifierOptions {
            services: vec![service.signing_name().to_owned()],
            region: Some("eu-central-1".to_owned()),
            ..VerifierOptions::default()
        });
        let view = RequestView {
            method: &sent.method,
            path: &sent.path,
            query,
            headers: sent
                .headers
                .iter()
                .map(|(name, value)| (&**name, value.as_bytes())),
        };
        let body = STANDARD.decode(&sent.body).unwrap();
        let lookup = |key: &str| (key == "AKIDEXAMPLE").then(|| Secret::new("not-a-secret"));
        let verified = verifier.verify(&view, BodyHash::Bytes(&body), NOW_MS, lookup);
        let verified = verified.unwrap_or_else(|error| panic!("{}: {error}", operation.name));
        let token = verified.session_token.as_ref().map(Secret::expose);
        assert_eq!(token, Some("token/+="), "{}", operation.name);
    }
}
