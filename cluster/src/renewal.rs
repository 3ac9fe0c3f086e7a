//! A node's certificate is renewed when two thirds of its time have passed. Every node has the
//! authority's key sealed in its log and the cluster's key in its directory, so it needs nobody.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tollgate_link::Identity;
use tollgate_link::authority::{Authority, ClusterKey, Validity};
use tollgate_protocol::Clock;

use crate::Door;
use crate::credentials::Credentials;
use crate::lines::Lines;

/// How often it is looked whether it is time.
const LOOK_INTERVAL: Duration = Duration::from_secs(3_600);

/// What renewing needs.
pub(crate) struct Renewal {
    pub(crate) dir: PathBuf,
    pub(crate) door: Door,
    pub(crate) lines: Lines,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Renewal {
    /// Renews for as long as the node runs.
    pub(crate) async fn run(self) {
        let mut look = tokio::time::interval(LOOK_INTERVAL);
        loop {
            look.tick().await;
            match self.renew_if_due() {
                Ok(false) => {}
                Ok(true) => tracing::info!("the node's certificate was renewed"),
                // The next look tries again; a month is left for it.
                Err(reason) => tracing::error!(reason, "the node's certificate is not renewed"),
            }
        }
    }

    /// Whether it was time and it was done.
    pub(crate) fn renew_if_due(&self) -> Result<bool, String> {
        let Some(links) = self.lines.links() else {
            return Ok(false);
        };
        let loaded = Credentials::load(&self.dir).map_err(|error| error.to_string())?;
        let mut credentials = loaded.ok_or("the certificate is missing")?;
        if self.clock.now() < credentials.certificate.validity.renew_at() {
            return Ok(false);
        }
        let sealed = self
            .door
            .read(|state| state.founding().map(|it| it.sealed_key.clone()));
        let sealed = sealed.ok_or("the cluster's authority is not known")?;
        let cluster_key = ClusterKey::from_bytes(credentials.cluster_key.to_bytes());
        let request = credentials
            .key
            .request()
            .map_err(|error| error.to_string())?;
        let issued = Authority::open(&sealed, &cluster_key).and_then(|authority| {
            let validity = Validity::from_now(self.clock.now());
            authority.issue(credentials.certificate.node, &request, validity)
        });
        credentials.certificate = issued.map_err(|error| error.to_string())?;
        let clock = Arc::clone(&self.clock);
        let identity = Identity::new(&credentials.certificate, &credentials.key, clock);
        let identity = identity.map_err(|error| error.to_string())?;
        credentials
            .save(&self.dir)
            .map_err(|error| error.to_string())?;
        links.renew(identity);
        Ok(true)
    }
}
