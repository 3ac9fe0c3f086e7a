//! The task that follows the state: it compiles each change into a view, and keeps the root key's
//! file in step with a rotation.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tollgate_cluster::Door;
use tollgate_state::Iam;

use super::compile::{Ground, compile};
use super::{Identities, Shared, View};
use crate::credentials::{self, RootKey};

/// The root key that the node began with, and what may change it.
#[derive(Debug, Clone)]
pub struct RootSource {
    /// The key.
    pub key: RootKey,
    /// The data directory whose file follows a rotation; `None` where the node's own configuration
    /// names the key, so that no rotation changes it here.
    pub dir: Option<PathBuf>,
}

impl RootSource {
    /// Whether the node's configuration names the key.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.dir.is_none()
    }
}

impl Identities {
    /// Compiles what is agreed on now, and follows it for as long as the cluster's part of the node
    /// runs. Needs a tokio runtime.
    #[must_use]
    pub fn start(door: &Door, root: RootSource, account: &str) -> Self {
        let (account, mut changes) = (Arc::<str>::from(account), door.iam());
        let identities = Self(Arc::new(Shared {
            view: ArcSwap::default(),
            served: watch::Sender::new(0),
            root,
        }));
        let now = Arc::clone(&changes.borrow_and_update());
        identities.publish(door, &account, &now);
        let (following, door) = (identities.clone(), door.clone());
        tokio::spawn(async move {
            following.keep_file().await;
            while changes.changed().await.is_ok() {
                let now = Arc::clone(&changes.borrow_and_update());
                following.publish(&door, &account, &now);
                following.keep_file().await;
            }
        });
        identities
    }

    fn publish(&self, door: &Door, account: &Arc<str>, iam: &Iam) {
        let vault = door.vault();
        let ground = Ground {
            account,
            vault: vault.as_ref(),
            first_root: &self.0.root.key,
            pinned: self.0.root.is_pinned(),
        };
        let before = self.0.view.load_full();
        let view = compile(iam, &ground, &before);
        tell_closed(&before, &view);
        let revision = view.revision;
        self.0.view.store(Arc::new(view));
        self.0.served.send_replace(revision);
    }

    /// Writes the root key's file when another key is agreed on than it holds.
    async fn keep_file(&self) {
        let (Some(dir), Some(key)) = (self.0.root.dir.clone(), self.load().root_key()) else {
            return;
        };
        let write = move || {
            if credentials::load(&dir).ok().flatten().as_ref() == Some(&key) {
                return Ok(false);
            }
            credentials::store(&dir, &key.to_bytes()).map(|()| true)
        };
        match tokio::task::spawn_blocking(write).await {
            Ok(Ok(true)) => tracing::info!("{} follows the rotation", credentials::FILE),
            Ok(Ok(false)) | Err(_) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the rotated root key is accepted and not in its file");
            }
        }
    }
}

/// Keys that another cluster sealed are told once.
fn tell_closed(before: &View, view: &View) {
    if view.closed.len() > before.closed.len() {
        tracing::warn!(
            count = view.closed.len(),
            "access keys were sealed with another cluster key and are not accepted: make new ones, \
             or restore with the old cluster's key"
        );
    }
}
