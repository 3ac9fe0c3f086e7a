//! turmoil's network under the links of the product.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use tollgate_link::net::{Net, Simulated};
use tollgate_link::{Caller, Handler, Incoming, Refusal};
use tollgate_protocol::codec::crc32c;

use super::note;
use super::wire::Wire;
use crate::Server;
use crate::peers::Boxed;

/// The network of one simulation.
#[derive(Clone)]
pub(super) struct Turmoil;

impl Net for Turmoil {
    type Stream = Wire;
    type Listener = turmoil::net::TcpListener;

    async fn dial(&self, address: &str) -> io::Result<Self::Stream> {
        Wire::new(turmoil::net::TcpStream::connect(address).await?)
    }

    async fn listen(&self, address: &str) -> io::Result<Self::Listener> {
        turmoil::net::TcpListener::bind(address).await
    }

    async fn accept(
        &self,
        listener: &mut Self::Listener,
    ) -> io::Result<(Self::Stream, SocketAddr)> {
        let (stream, from) = listener.accept().await?;
        Ok((Wire::new(stream)?, from))
    }
}

impl Simulated for Turmoil {}

/// Answers what comes over the links.
pub(super) struct Desk(pub(super) Server);

impl Handler for Desk {
    fn call(&self, incoming: Incoming) -> Boxed<Result<Bytes, Refusal>> {
        let server = self.0.clone();
        Box::pin(async move {
            let refusal = |text: String| Refusal::new(Refusal::HANDLER_CODES, text);
            let Caller::Node(node) = incoming.caller else {
                return Err(refusal("nobody joins over a simulated link".into()));
            };
            let sum = crc32c(&incoming.body).into();
            note(&[7, node, incoming.kind.into(), sum]);
            let served = server.serve(node, incoming.kind, incoming.body).await;
            if let Ok(answer) = &served {
                note(&[8, node, incoming.kind.into(), crc32c(answer).into()]);
            }
            served.map_err(|error| refusal(error.to_string()))
        })
    }
}
