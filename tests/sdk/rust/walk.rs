//! AWS's SDK for Rust takes every kind of resource through its life on a node.

mod apis;
mod domains;
mod refusals;
mod support;
mod websocket;

use std::process::ExitCode;

use support::{Failed, client, given, keys};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let v2 = client(&given("AWS_ENDPOINT_URL"), keys("ROOT"));
    let steps: [(&str, Result<(), Failed>); 9] = [
        (
            "quick create with a function",
            apis::hello_from_lambda(&v2).await,
        ),
        ("HTTP proxy", apis::http_proxy(&v2).await),
        ("JWT authorizer", apis::jwt_authorizer(&v2).await),
        ("WebSocket chat", websocket::chat(&v2).await),
        (
            "custom domain, canary, tags",
            domains::custom_domain(&v2).await,
        ),
        ("VPC link", domains::vpc_link(&v2).await),
        ("documents", apis::documents(&v2).await),
        ("paging", apis::paging(&v2).await),
        ("refusals", refusals::all(&v2).await),
    ];
    let failed = steps.iter().filter(|(_, outcome)| outcome.is_err()).count();
    for (name, outcome) in &steps {
        if let Err(error) = outcome {
            eprintln!("{name}: {error}\n{error:?}");
        }
    }
    println!("steps passed: {} of {}", steps.len() - failed, steps.len());
    ExitCode::from(u8::from(failed > 0))
}
