//! The function of docs/functions.md.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(square)).await
}

async fn square(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let of = &event.payload["queryStringParameters"]["of"];
    let of: f64 = of.as_str().unwrap_or("1").parse()?;
    Ok(json!({ "statusCode": 200, "body": (of * of).to_string() }))
}
