//! Makes an HTTP API in front of a web service and lists what there is.

use std::env;

use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_apigatewayv2::types::ProtocolType;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (key, secret) = (
        env::var("AWS_ACCESS_KEY_ID")?,
        env::var("AWS_SECRET_ACCESS_KEY")?,
    );
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(env::var("AWS_ENDPOINT_URL")?)
        .credentials_provider(Credentials::new(key, secret, None, None, "environment"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let client = Client::from_conf(config);

    let api = client
        .create_api()
        .name("hello-rust")
        .protocol_type(ProtocolType::Http);
    let api = api.target("http://127.0.0.1:3000/").send().await?;
    println!(
        "{} {}",
        api.api_id().unwrap_or_default(),
        api.api_endpoint().unwrap_or_default()
    );
    for api in client.get_apis().send().await?.items() {
        println!("{}", api.name().unwrap_or_default());
    }
    Ok(())
}
