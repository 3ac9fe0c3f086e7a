//! The one way to end a run early: a flag that blocking code reads and tasks await.
//!
//! It is a `watch` channel rather than an atomic because each worker has its own runtime and must
//! wake from a wait, and rather than a signal handler because a comparison ends its processes
//! through their destructors, which run only when the code returns.

use tokio::sync::watch;

/// The side that asks for the end.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// The side that obeys; cheap to clone, one per worker.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// A connected pair, not yet stopped.
pub fn pair() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Asks every holder of the other side to end; repeating it changes nothing.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// A side that is never asked to end.
    pub fn never() -> Self {
        pair().1
    }

    /// Whether the end was asked for.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once the end is asked for; never returns when nobody is left to ask.
    pub async fn stopped(&mut self) {
        if self.0.wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
