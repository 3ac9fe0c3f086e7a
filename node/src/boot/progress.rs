//! What a start that takes long is at, for the person who waits for it. A state of millions of keys
//! takes seconds to read, in which nothing else is said.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, interval_at};

use crate::console;
use crate::ops::{Phase, PhaseCell};

/// A start that takes less is not spoken of.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two lines.
const PAUSE: Duration = Duration::from_secs(5);

/// Says what the start is at until it is over.
pub(super) async fn tell(phase: Arc<PhaseCell>) {
    let began = Instant::now();
    let mut turns = interval_at(began + PATIENCE, PAUSE);
    loop {
        turns.tick().await;
        let Phase::Starting(step) = phase.get() else {
            return;
        };
        let seconds = began.elapsed().as_secs();
        console::talk(format_args!("starting for {seconds} s: {step}"));
    }
}
