//! Three nodes, changed as AWS's SDKs do it: signed `UpdateApi` calls on kept connections.

use std::net::SocketAddr;
use std::time::Duration;

use tollgate_harness::Cluster;
use tollgate_tests::signed::SignedConnection;

use crate::load::{Client, System};

/// A running cluster with as many APIs as there are places.
pub(crate) struct Gateway {
    cluster: Cluster,
}

impl Gateway {
    pub(crate) fn start() -> Self {
        let mut api = String::from("apis:\n");
        for place in 0..super::PLACES {
            api.push_str(&format!(
                "  - name: place-{place}\n    apiId: place-{place}\n    routes:\n      - \
                 {{routeKey: $default, integration: {{fixedResponse: {{body: ok}}}}}}\n"
            ));
        }
        Self {
            cluster: Cluster::start(3, &api),
        }
    }
}

impl System for Gateway {
    type Client = SignedConnection;

    fn name(&self) -> &'static str {
        "tollgate"
    }

    fn leader(&self) -> SocketAddr {
        let leader = self.cluster.leader(0, None);
        self.cluster.nodes()[leader].addresses().admin
    }

    fn cpu(&self) -> Duration {
        self.cluster
            .nodes()
            .iter()
            .map(|node| node.usage().cpu)
            .sum()
    }

    async fn connect(&self, to: SocketAddr) -> SignedConnection {
        SignedConnection::open(to).await
    }
}

impl Client for SignedConnection {
    async fn write(&mut self, place: usize, value: &str) {
        let path = format!("/v2/apis/place-{place}");
        let body = format!("{{\"description\":\"{value}\"}}");
        let (status, body) = self.call("PATCH", &path, body).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    }
}
