//! Threads with an actix system each, for actors.

use std::io;
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, JoinHandle};

use tokio::sync::oneshot;

/// The threads that actors run on; they end when this is told to stop.
#[derive(Default)]
pub(crate) struct Systems(Vec<(oneshot::Sender<()>, JoinHandle<()>)>);

impl Systems {
    /// Starts a thread, runs `start` on it and returns what that gave: an actor's handle.
    pub(crate) fn spawn<T: Send + 'static>(
        &mut self,
        name: &str,
        start: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let (stop, stopped) = oneshot::channel();
        let (started, handle) = sync_channel(1);
        let thread = Builder::new().name(name.into()).spawn(move || {
            actix_rt::System::new().block_on(async move {
                // A failure means that the node is gone already.
                started.send(start()).ok();
                stopped.await.ok();
            });
        })?;
        self.0.push((stop, thread));
        handle
            .recv()
            .map_err(|_| io::Error::other("the thread ended"))
    }

    /// Ends the threads.
    pub(crate) fn stop(self) {
        for (stop, thread) in self.0 {
            // It may have ended by itself.
            stop.send(()).ok();
            if thread.join().is_err() {
                tracing::error!("an actor's thread panicked");
            }
        }
    }
}
