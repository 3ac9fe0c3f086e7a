//! Work that takes long or waits for the disk runs on a thread beside the cluster's, so that
//! heartbeats are sent and answered meanwhile.

use std::panic::resume_unwind;
use std::thread;

/// Where long work runs.
#[derive(Clone)]
pub(crate) enum Beside {
    /// On a thread of its own, which ends soon after.
    Thread,
    /// Right here: in a simulation, where one seed has to replay one run.
    #[cfg(test)]
    Here,
    /// On a thread of its own, which waits for a gate to be opened first.
    #[cfg(test)]
    Held(crate::tests::HeldGate),
}

impl Beside {
    /// Does the work and waits for it, without holding up the thread that waits.
    ///
    /// # Errors
    /// When the work panicked, or the runtime ends.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> std::io::Result<T> {
        match self {
            Self::Thread => {
                let done = tokio::task::spawn_blocking(work).await;
                done.map_err(std::io::Error::other)
            }
            #[cfg(test)]
            Self::Held(gate) => {
                let gate = gate.clone();
                let held = move || {
                    gate.pass();
                    work()
                };
                let done = tokio::task::spawn_blocking(held).await;
                done.map_err(std::io::Error::other)
            }
            #[cfg(test)]
            Self::Here => Ok(work()),
        }
    }

    /// Does the work and blocks until it is done. What the work leaves in memory then lies in pages
    /// of a thread that ended, which others fill up; a thread that lives keeps them to itself.
    pub(crate) fn apart<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        #[cfg(test)]
        if matches!(self, Self::Here) {
            return work();
        }
        let (mut work, mut done) = (Some(work), None);
        let mut run = || done = work.take().map(|work| work());
        thread::scope(|scope| {
            let started = thread::Builder::new()
                .name("apart".into())
                .spawn_scoped(scope, &mut run);
            if let Ok(thread) = started
                && let Err(panic) = thread.join()
            {
                resume_unwind(panic);
            }
        });
        match (done, work) {
            (Some(done), _) => done,
            // No thread could be started.
            (None, Some(work)) => work(),
            (None, None) => unreachable!("work that began ends with a value or a panic"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    use super::Beside;

    #[test]
    fn work_apart_runs_on_a_thread_that_is_gone_when_it_is_done() {
        let here = thread::current().id();
        assert_ne!(Beside::Thread.apart(|| thread::current().id()), here);
        assert_eq!(Beside::Here.apart(|| thread::current().id()), here);
    }

    #[test]
    fn a_panic_apart_is_a_panic_here() {
        let apart = || Beside::Thread.apart(|| panic!("as it was"));
        let panic = catch_unwind(AssertUnwindSafe(apart)).expect_err("it panicked");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"as it was"));
    }
}
