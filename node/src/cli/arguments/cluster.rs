//! Arguments of what operators of a cluster do: leave, look back, keep a copy.

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
