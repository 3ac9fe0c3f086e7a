//! Work that takes long or waits for the disk runs on a thread beside the cluster's, so that
//! heartbeats are sent and answered meanwhile.

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
}
