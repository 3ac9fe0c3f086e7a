//! Streams a reply: a piece for each byte that comes over a connection to `TURNS`, until that ends.

use lambda_runtime::streaming::{Body, Response, channel};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(pieces)).await
}

async fn pieces(event: LambdaEvent<Value>) -> Result<Response<Body>, Error> {
    let mut turns = TcpStream::connect(std::env::var("TURNS")?).await?;
    let prelude = json!({
        "statusCode": 202,
        "headers": { "content-type": "text/plain", "x-id": event.context.request_id },
        "cookies": ["a=1", "b=2"],
    });
    let (mut reply, body) = channel();
    tokio::spawn(async move {
        while let Ok(turn) = turns.read_u8().await {
            let piece = format!("piece {}\n", char::from(turn));
            if reply.send_data(piece.into()).await.is_err() {
                return;
            }
        }
    });
    Ok(Response {
        metadata_prelude: serde_json::from_value(prelude)?,
        stream: body,
    })
}
