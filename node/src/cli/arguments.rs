//! The command line as types, with the help that teaches it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod audit;
mod cluster;
pub(super) mod iam;
mod succession;

pub(super) use audit::{AuditArguments, AuditCommand, AuditVerifyArguments};
pub(super) use cluster::{DiffArguments, HistoryArguments, LeaveArguments, RollbackArguments};
pub(super) use succession::{
    BackupArguments, DirectoryArguments, RecoverArguments, RestoreArguments, WindowsBegin,
};

use super::settings::{DevArguments, JoinArguments, StartArguments};

/// AWS API Gateway that you run yourself.
#[derive(Debug, Parser)]
#[command(
    name = "tollgate",
    version,
    disable_help_subcommand = true,
    after_help = "Begin here:\n  \
        tollgate dev api.yaml          serve a file, and follow its changes\n  \
        tollgate start                 run a node that keeps its data\n  \
        tollgate apply -f api.yaml     give a running node this configuration\n\n\
        Exit codes: 0 done, 1 refused or failed, 64 a mistake in the command line or the node's \
        configuration, 75 try again."
)]
pub(super) struct Arguments {
    /// How results are printed.
    #[arg(
        short = 'o',
        long = "output",
        value_enum,
        default_value_t,
        global = true
    )]
    pub(super) format: Format,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Tables and lines for people.
    #[default]
    Text,
    /// JSON for programs.
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a node until it is told to stop.
    Start(Box<StartArguments>),
    /// Make this machine a node of a cluster, and run it.
    Join(Box<JoinArguments>),
    /// Serve an API file from a throw-away node, and follow its changes.
    Dev(Box<DevArguments>),
    /// Check API files without a node.
    Check(CheckArguments),
    /// Give a node the configuration in API files, all of it or nothing.
    Apply(ApplyArguments),
    /// Show what a node has.
    Get(GetArguments),
    /// Make, list and revoke API keys.
    Key(KeyArguments),
    /// Show what an API key has used of its quotas.
    Usage(UsageArguments),
    /// Show who changed the configuration, when and what.
    History(HistoryArguments),
    /// Show what changed between two revisions of the configuration.
    Diff(DiffArguments),
    /// Make the configuration what it was at a revision.
    Rollback(RollbackArguments),
    /// Show who called the management API, and with what result.
    Audit(AuditArguments),
    /// Show how a node does.
    Status(StatusArguments),
    /// Say who may administer, and what: users, groups, policies and access keys.
    Iam(Box<iam::IamArguments>),
    /// Show the nodes of the cluster.
    Members(MembersArguments),
    /// Make and revoke the tokens by which nodes join.
    Token(TokenArguments),
    /// Let a node finish its work and leave the cluster for ever.
    Leave(LeaveArguments),
    /// Take a node that is gone out of the cluster for ever.
    Remove(RemoveArguments),
    /// Write everything that the cluster agrees on into a file, while it serves.
    Backup(BackupArguments),
    /// Make an empty data directory the first node of a new cluster, from a backup.
    Restore(RestoreArguments),
    /// Make the node that is left of a cluster a new cluster, when its majority is lost for ever.
    Recover(RecoverArguments),
    /// Work on the response cache.
    Cache(CacheArguments),
    /// Change what a running node logs.
    LogLevel(LogLevelArguments),
    /// Say whether a node is ready, by the exit code.
    Healthcheck(HealthcheckArguments),
    /// Explain an operator code such as TG0007.
    Explain(ExplainArguments),
    /// Print a completion script for a shell.
    Completions(CompletionsArguments),
    /// Print the version.
    Version,
}

/// Where the node is, and who asks.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct ConnectionArguments {
    /// The node's admin listener; else TOLLGATE_ADMIN, else the data directory says it, else
    /// http://127.0.0.1:8081.
    #[arg(long, value_name = "URL")]
    pub(super) admin_url: Option<String>,
    /// The node's data directory on this machine, which holds its addresses and its root access
    /// key; else TOLLGATE_DATA_DIR, else tollgate-data.
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// A file like the data directory's root-key.json, to sign with; else TOLLGATE_ACCESS_KEY and
    /// TOLLGATE_SECRET_KEY, else the data directory's, else AWS_ACCESS_KEY_ID and
    /// AWS_SECRET_ACCESS_KEY.
    #[arg(long, value_name = "FILE")]
    pub(super) credentials: Option<PathBuf>,
    /// A profile of ~/.aws/config and ~/.aws/credentials: its endpoint_url and its access key; else
    /// AWS_PROFILE, where nothing else says who asks and the profile has an endpoint_url.
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tollgate members\n  tollgate members -o json")]
pub(super) struct MembersArguments {
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
pub(super) struct TokenArguments {
    #[command(subcommand)]
    pub(super) command: TokenCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token and print the whole command to join with it.
    #[command(after_help = "Examples:\n  \
        tollgate token create\n  \
        tollgate token create --ttl 24h --uses 5")]
    Create {
        /// How long it admits: 90s, 30m, 1h, 7d.
        #[arg(long, default_value = "1h", value_name = "TIME")]
        ttl: Seconds,
        /// How many nodes it admits.
        #[arg(long, default_value_t = 1, value_name = "COUNT")]
        uses: u32,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// Take a token back; nodes that it admitted stay.
    Revoke {
        /// Its id: the part between the first two dots.
        id: String,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
}

/// A length of time in seconds, written with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) u64);

impl std::str::FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time: write 90s, 30m, 1h or 7d");
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        let unit = match &text[digits.len()..] {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        count.checked_mul(unit).map(Self).ok_or_else(wrong)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate members      says which id it has\n  \
    tollgate remove 3\n\n\
    Its id and its certificate are never accepted again, and what it held of quotas counts as \
    spent. A node that still runs should be stopped first.")]
pub(super) struct RemoveArguments {
    /// The node's id.
    #[arg(value_name = "NODE")]
    pub(super) node: u64,
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tollgate check api.yaml\n  tollgate check apis/ -o json")]
pub(super) struct CheckArguments {
    /// API files, OpenAPI documents, or directories of API files.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate apply -f api.yaml --dry-run     show what would change\n  \
    tollgate apply -f api.yaml               change it\n  \
    tollgate apply -f apis/ --prune          and remove everything that the files do not name")]
pub(super) struct ApplyArguments {
    /// An API file, an OpenAPI document or a directory of API files. May be repeated.
    #[arg(short = 'f', long = "file", required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Show the plan and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Remove what the files do not name.
    #[arg(long)]
    pub(super) prune: bool,
    /// How many nodes must serve it before the command ends.
    #[arg(long, value_enum, value_name = "NODES", default_value_t)]
    pub(super) wait: WaitFor,
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
}

/// Whom to wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum WaitFor {
    /// The node that was asked; the others follow within milliseconds.
    #[default]
    One,
    /// Every node of the cluster.
    All,
}

/// What there is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Apis,
    Routes,
    Integrations,
    Authorizers,
    Models,
    Stages,
    Deployments,
    Keys,
    UsagePlans,
    Domains,
    Functions,
    Upstreams,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate get apis\n  \
    tollgate get routes --api shop\n  \
    tollgate get stages prod --api shop -o json")]
pub(super) struct GetArguments {
    /// What to show.
    #[arg(value_enum)]
    pub(super) kind: Kind,
    /// Only the one of this id or name.
    pub(super) name: Option<String>,
    /// Only what belongs to this API.
    #[arg(long, value_name = "ID")]
    pub(super) api: Option<String>,
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
pub(super) struct KeyArguments {
    #[command(subcommand)]
    pub(super) command: KeyCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key and print its secret value, this once.
    #[command(after_help = "Examples:\n  \
        tollgate key create acme --plan gold\n  \
        tollgate key create acme --value-file secret.txt\n  \
        KEY=$(tollgate key create acme)          the value alone is on standard output")]
    Create {
        /// A name for people: the customer's.
        name: String,
        /// The usage plan to put it in, by id or name.
        #[arg(long, value_name = "PLAN")]
        plan: Option<String>,
        /// A file with the value, 20 to 128 characters; `-` reads standard input. Without it the
        /// node makes one.
        #[arg(long, value_name = "FILE")]
        value_file: Option<PathBuf>,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// List the keys, without their values.
    #[command(after_help = "Examples:\n  tollgate key list\n  tollgate key list -o json")]
    List {
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// Delete a key: requests with it are refused from now on.
    #[command(
        after_help = "Examples:\n  tollgate key revoke x7f3k2m9qa\n  tollgate key revoke acme"
    )]
    Revoke {
        /// The key's id, or its name when no other key has it.
        id: String,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate usage acme\n  \
    tollgate usage acme --plan gold --since 2026-11-01 -o json")]
pub(super) struct UsageArguments {
    /// The key's id or name.
    pub(super) key: String,
    /// Only this usage plan, by id or name.
    #[arg(long, value_name = "PLAN")]
    pub(super) plan: Option<String>,
    /// From this day on, at most 90 days back; else today (UTC).
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(super) since: Option<String>,
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tollgate status\n  tollgate status -o json")]
pub(super) struct StatusArguments {
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
pub(super) struct CacheArguments {
    #[command(subcommand)]
    pub(super) command: CacheCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum CacheCommand {
    /// Forget cached responses.
    #[command(after_help = "Examples:\n  \
        tollgate cache flush\n  \
        tollgate cache flush --api shop --stage prod")]
    Flush {
        /// Only those of this API.
        #[arg(long, value_name = "ID")]
        api: Option<String>,
        /// Only those of this stage of the API.
        #[arg(long, value_name = "NAME", requires = "api")]
        stage: Option<String>,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate log-level debug\n  \
    tollgate log-level info")]
pub(super) struct LogLevelArguments {
    /// error, warn, info, debug or trace.
    pub(super) level: String,
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate healthcheck\n  \
    HEALTHCHECK CMD [\"tollgate\", \"healthcheck\"]      in a Dockerfile")]
pub(super) struct HealthcheckArguments {
    /// The node's ops listener; else TOLLGATE_OPS, else the data directory says it, else
    /// http://127.0.0.1:8082.
    #[arg(long, value_name = "URL")]
    pub(super) ops_url: Option<String>,
    /// The node's data directory; else TOLLGATE_DATA_DIR, else tollgate-data.
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tollgate explain TG0007\n  tollgate explain          lists all codes"
)]
pub(super) struct ExplainArguments {
    /// The code, as printed in an error.
    pub(super) code: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tollgate completions bash > /etc/bash_completion.d/tollgate")]
pub(super) struct CompletionsArguments {
    /// The shell.
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}
