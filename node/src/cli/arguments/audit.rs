//! Arguments of `tollgate audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ConnectionArguments;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  \
    tollgate audit                                    the last calls, of all nodes\n  \
    tollgate audit --changes --who alice              what alice changed\n  \
    tollgate audit --refused --from 2026-11-23T00:00:00Z\n  \
    tollgate audit --event 'Delete*' -o json\n  \
    tollgate audit verify tollgate-data/audit         whether a line was removed or changed"
)]
pub(in crate::cli) struct AuditArguments {
    /// Not before this time, such as 2026-11-23T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) from: Option<String>,
    /// Before this time.
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) to: Option<String>,
    /// By this user, access key or ARN.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) who: Option<String>,
    /// This operation; a star at the end stands for any end.
    #[arg(long, value_name = "OPERATION")]
    pub(in crate::cli) event: Option<String>,
    /// The call that was answered with this id.
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) request_id: Option<String>,
    /// Only calls that were refused.
    #[arg(long)]
    pub(in crate::cli) refused: bool,
    /// Only calls that change something.
    #[arg(long)]
    pub(in crate::cli) changes: bool,
    /// How many, the newest first; at most 1000.
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    pub(in crate::cli) limit: u32,
    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArguments,
    /// What else to do with the trail.
    #[command(subcommand)]
    pub(in crate::cli) command: Option<AuditCommand>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AuditCommand {
    /// Check that no line of a node's trail was removed or changed.
    Verify(AuditVerifyArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate audit verify tollgate-data/audit\n  \
    tollgate audit verify tollgate-data/audit --head 4711:5891b5b5...\n\n\
    The head is the number and the hash of the newest line: `tollgate status -o json` shows it. \
    Kept elsewhere, it proves that no newest line was removed either.")]
pub(in crate::cli) struct AuditVerifyArguments {
    /// The directory with the files.
    #[arg(value_name = "DIR")]
    pub(in crate::cli) dir: PathBuf,
    /// A head that was kept elsewhere.
    #[arg(long, value_name = "NUMBER:HASH")]
    pub(in crate::cli) head: Option<String>,
}
