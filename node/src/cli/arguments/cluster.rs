//! Arguments of what operators of a cluster do: leave and look back.

use clap::Args;

use super::ConnectionArguments;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate leave                                         on the node's machine\n  \
    tollgate leave --admin-url http://10.0.0.3:8081        from elsewhere\n\n\
    The node drains as when it is stopped, gives its quota back, hands its vote over and ends with \
    exit code 0. Its data directory is of no use afterwards; to come back, join with an empty one. \
    A node that does not run any more is removed with `tollgate remove`.")]
pub(in crate::cli) struct LeaveArguments {
    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate history\n  \
    tollgate history --limit 100 -o json")]
pub(in crate::cli) struct HistoryArguments {
    /// How many revisions, the newest first.
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    pub(in crate::cli) limit: u32,
    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate diff 12        what changed since revision 12\n  \
    tollgate diff 12 14     what changed from revision 12 to revision 14")]
pub(in crate::cli) struct DiffArguments {
    /// The revision before.
    #[arg(value_name = "REVISION")]
    pub(in crate::cli) from: u64,
    /// The revision after; else the current one.
    #[arg(value_name = "REVISION")]
    pub(in crate::cli) to: Option<u64>,
    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate rollback 12 --dry-run     show what would change\n  \
    tollgate rollback 12               change it\n\n\
    The configuration becomes what it was at that revision, API keys included: keys that were \
    revoked since then admit again. It is one more revision, which can be rolled back too.")]
pub(in crate::cli) struct RollbackArguments {
    /// The revision to go back to.
    #[arg(value_name = "REVISION")]
    pub(in crate::cli) revision: u64,
    /// Show the plan and change nothing.
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArguments,
}
