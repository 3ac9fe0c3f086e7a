//! The smallest service behind the listeners, to measure what the edge itself costs: answers any
//! request with a few bytes and `/echo` with its own body.
//!
//! `cargo run --release -p tollgate-edge --example tiny -- 127.0.0.1:8080`

use std::net::SocketAddr;
use std::rc::Rc;

use tollgate_edge::{ConnInfo, Edge, EdgeConfig, EdgeLimits, ListenerConfig, Service, bind};
use tollgate_message::{Request, Response};

struct Tiny;

impl Service for Tiny {
    async fn call(&self, request: Request, _: &Rc<ConnInfo>) -> Response {
        let mut response = Response::new(200)
            .with_header("content-type", "application/json")
            .with_header("x-request-id", "6f1c2d3e-0000-4000-8000-000000000000");
        response.body = match request.path.as_str() {
            "/echo" => request.body,
            _ => r#"{"message":"hello"}"#.into(),
        };
        response
    }
}

fn main() -> Result<(), tollgate_edge::Error> {
    let address = std::env::args().nth(1).map_or_else(
        || SocketAddr::from(([127, 0, 0, 1], 0)),
        |address| address.parse().expect("an address as in 127.0.0.1:8080"),
    );
    let sockets = bind(address, 1)?;
    println!("http://{}", sockets.local_addr());
    let listener = ListenerConfig {
        sockets,
        tls: None,
        proxy_protocol: None,
    };
    let config = EdgeConfig {
        listeners: vec![listener],
        workers: 1,
        limits: EdgeLimits::default(),
    };
    let edge = Edge::start(config, |_| Tiny)?;
    // Until it is killed.
    std::thread::park();
    drop(edge);
    Ok(())
}
