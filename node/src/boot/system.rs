//! Threads with an actix system each, for actors.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use tokio::sync::oneshot;

/// The threads that actors run on. Dropping it ends them, after whatever their actors do right
/// then, and waits for it: a refused start leaves no actor behind that would use what is gone.
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
        let thread = Builder::new()
            .name(name.into())
            .spawn(move || run(start, &started, stopped))?;
        self.0.push((stop, thread));
        handle
            .recv()
            .map_err(|_| io::Error::other("the thread ended"))
    }
}

impl Drop for Systems {
    fn drop(&mut self) {
        for (stop, thread) in self.0.drain(..) {
            // It may have ended by itself.
            stop.send(()).ok();
            if thread.join().is_err() {
                tracing::error!("an actor's thread panicked");
            }
        }
    }
}

/// What such a thread does, until `stopped` tells or is dropped.
fn run<T>(start: impl FnOnce() -> T, started: &SyncSender<T>, stopped: oneshot::Receiver<()>) {
    let system = actix_rt::System::new();
    system.block_on(async move {
        // A failure means that the node is gone already.
        started.send(start()).ok();
        stopped.await.ok();
    });
    // An actor that was told to stop before it ran once is started by actix as it is dropped, and
    // what it makes there, an interval for one, wants the reactor.
    let reactor = system.runtime().tokio_runtime().handle().clone();
    let _inside = reactor.enter();
    drop(system);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix::prelude::*;

    use super::*;

    /// How often something happens that no test waits for.
    const NEVER: Duration = Duration::from_secs(3_600);

    /// Tells when it was stopped as actors are: a panic on the way there is caught by tokio, which
    /// goes on as if nothing had been.
    struct Ticking(SyncSender<()>);

    impl Actor for Ticking {
        type Context = Context<Self>;

        fn started(&mut self, context: &mut Self::Context) {
            context.run_interval(NEVER, |_, _| {});
        }

        fn stopped(&mut self, _: &mut Self::Context) {
            self.0.send(()).expect("the test listens");
        }
    }

    #[test]
    fn an_actor_may_be_told_to_stop_before_it_ran() {
        let (ended, end) = sync_channel(1);
        let (started, _handle) = sync_channel(1);
        let (stop, stopped) = oneshot::channel();
        drop(stop);
        let start = move || Ticking(ended).start();
        let thread = std::thread::spawn(move || run(start, &started, stopped));
        assert!(thread.join().is_ok());
        assert!(end.try_recv().is_ok(), "the actor was not stopped");
    }

    #[test]
    fn dropping_it_ends_its_actors() {
        let (ended, end) = sync_channel(1);
        let mut systems = Systems::default();
        let started = systems.spawn("ticking", move || Ticking(ended).start());
        let address = started.expect("a thread");
        drop(systems);
        assert!(end.try_recv().is_ok(), "the actor was not stopped");
        assert!(!address.connected());
    }
}
