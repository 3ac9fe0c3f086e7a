//! Signals to a process and everything it started. The process leads a group of its own, so its
//! number is that of the group.

use rustix::process::{Pid, Signal, kill_process_group};

/// A process group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group(Option<Pid>);

impl Group {
    /// The group that a process leads.
    pub(super) fn of(process_id: u32) -> Self {
        // 1 would mean every process there is.
        let number = i32::try_from(process_id).ok().filter(|number| *number > 1);
        Self(number.and_then(Pid::from_raw))
    }

    /// Asks the processes to end.
    pub(super) fn terminate(self) {
        self.signal(Signal::TERM);
    }

    /// Ends the processes. Also right after the leader was reaped: its number is not given to
    /// another process while one of the group is left, and else not before the numbers went
    /// round once.
    pub(super) fn kill(self) {
        self.signal(Signal::KILL);
    }

    fn signal(self, signal: Signal) {
        if let Some(pid) = self.0 {
            // The only error is that none is left.
            kill_process_group(pid, signal).ok();
        }
    }
}
