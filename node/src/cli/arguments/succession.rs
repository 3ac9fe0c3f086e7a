//! Arguments of what operators do before and after a disaster: backup, restore, recover.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ConnectionArguments;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate backup gateway.tgb\n  \
    tollgate backup /backups/gateway.tgb --admin-url http://10.0.0.3:8081\n\n\
    Any node gives it, while it serves. It is one moment of everything that the cluster agrees on: \
    APIs, plans, keys, their history and what was used of quotas. API keys and private keys are in \
    it as they are in the data directory: the file is readable by its owner only. Code of functions \
    and files that node.toml names are not in it.")]
pub(in crate::cli) struct BackupArguments {
    /// Where to write it; an older backup there is replaced when the new one is whole.
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArguments,
}

/// The directory of a node that does not run.
#[derive(Debug, Args)]
pub(in crate::cli) struct DirectoryArguments {
    /// The node's configuration file; else TOLLGATE_CONFIG, else node.toml if it is there.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// The directory of the node's data; else as for `tollgate start`.
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data_dir: Option<PathBuf>,
}

/// What the current periods of quotas begin with in a new cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum WindowsBegin {
    /// Nothing is left of them: no quota is exceeded, whatever was admitted since.
    #[default]
    Exhausted,
    /// What the state says is left: what was admitted since then can be admitted once more.
    AsKnown,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate restore gateway.tgb --data-dir /var/lib/tollgate\n  \
    tollgate restore gateway.tgb --quotas as-known\n  \
    tollgate restore gateway.tgb --cluster-key cluster.key\n\n\
    The directory must be empty. It becomes the first node of a new cluster: its id, authority, root \
    access key, members and join tokens are new, and `tollgate start` serves what was backed up. \
    Stop the old cluster before: two clusters do not count quotas together.")]
pub(in crate::cli) struct RestoreArguments {
    /// What `tollgate backup` wrote.
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// What the current periods of quotas begin with.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(in crate::cli) quotas: WindowsBegin,
    /// The old cluster's key: `tls/cluster.key` of any of its nodes. Access keys of users are sealed
    /// with it; without it they come back and are not accepted.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) cluster_key: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) directory: DirectoryArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate recover --data-dir /var/lib/tollgate\n\n\
    Only when a majority of the voters is lost for ever: what they agreed on after this node last \
    heard of them is lost. The node must be stopped; it becomes a new cluster of one with \
    everything in its log. The old nodes are refused by it, but would still serve by themselves: \
    see to it that they never start again, then let new ones join. Before, copy the directory.")]
pub(in crate::cli) struct RecoverArguments {
    /// What the current periods of quotas begin with.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(in crate::cli) quotas: WindowsBegin,
    #[command(flatten)]
    pub(in crate::cli) directory: DirectoryArguments,
}
