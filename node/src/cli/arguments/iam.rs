//! Arguments of `tollgate iam`: who may administer, and what.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::{ConnectionArguments, Seconds};

#[derive(Debug, Args)]
pub(in crate::cli) struct IamArguments {
    #[command(subcommand)]
    pub(in crate::cli) command: IamCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum IamCommand {
    /// Make, show and delete users.
    #[command(subcommand)]
    User(UserCommand),
    /// Make, show and delete groups, and say who is in them.
    #[command(subcommand)]
    Group(GroupCommand),
    /// Make, show, change and delete managed policies.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Make, disable, rotate and delete the access keys of users.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Put, show and delete policies inside a user or a group.
    #[command(subcommand)]
    Inline(InlineCommand),
    /// Attach a managed policy to a user or a group.
    #[command(after_help = "Examples:\n  \
        tollgate iam attach deploy --user ci\n  \
        tollgate iam attach read-only --group support")]
    Attach(AttachArguments),
    /// Detach a managed policy from a user or a group.
    #[command(after_help = "Example:\n  tollgate iam detach deploy --user ci")]
    Detach(AttachArguments),
    /// Tell what policies decide about actions, and by which statement.
    Test(TestArguments),
    /// Tell who the node takes this command for.
    #[command(after_help = "Example:\n  tollgate iam whoami")]
    Whoami(Connected),
    /// Make another key the root key, on all nodes.
    RotateRoot(RotateRootArguments),
}

/// Nothing but where the node is.
#[derive(Debug, Args)]
pub(in crate::cli) struct Connected {
    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArguments,
}

/// A name.
#[derive(Debug, Args)]
pub(in crate::cli) struct Named {
    /// Its name.
    pub(in crate::cli) name: String,
    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArguments,
}

/// A tag, `KEY=VALUE`, or a key of conditions with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Pair(pub(in crate::cli) String, pub(in crate::cli) String);

impl std::str::FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self(key.to_owned(), value.to_owned())),
            _ => Err(format!("`{text}` is not of the form KEY=VALUE")),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum UserCommand {
    /// Make a user, who may nothing yet.
    #[command(after_help = "Examples:\n  \
        tollgate iam user create ci\n  \
        tollgate iam user create ann --tag team=payments")]
    Create {
        /// Letters, digits and _+=,.@-, at most 64.
        name: String,
        /// A tag, which conditions see as aws:PrincipalTag/KEY. May be repeated.
        #[arg(long = "tag", value_name = "KEY=VALUE")]
        tags: Vec<Pair>,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// List the users.
    #[command(after_help = "Example:\n  tollgate iam user list")]
    List(Connected),
    /// Show a user, with groups and policies.
    #[command(after_help = "Example:\n  tollgate iam user show ci")]
    Show(Named),
    /// Delete a user who has no keys, groups and policies any more.
    #[command(after_help = "Example:\n  tollgate iam user delete ci")]
    Delete(Named),
    /// Set tags of a user.
    #[command(after_help = "Example:\n  tollgate iam user tag ann team=payments level=2")]
    Tag {
        /// The user.
        name: String,
        /// The tags.
        #[arg(required = true, value_name = "KEY=VALUE")]
        tags: Vec<Pair>,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// Remove tags of a user.
    #[command(after_help = "Example:\n  tollgate iam user untag ann level")]
    Untag {
        /// The user.
        name: String,
        /// The keys of the tags.
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum GroupCommand {
    /// Make a group.
    #[command(after_help = "Example:\n  tollgate iam group create support")]
    Create(Named),
    /// List the groups.
    #[command(after_help = "Example:\n  tollgate iam group list")]
    List(Connected),
    /// Show a group, with its users and policies.
    #[command(after_help = "Example:\n  tollgate iam group show support")]
    Show(Named),
    /// Delete a group that nobody is in.
    #[command(after_help = "Example:\n  tollgate iam group delete support")]
    Delete(Named),
    /// Put a user into a group: its policies are his.
    #[command(after_help = "Example:\n  tollgate iam group add support ann")]
    Add(MemberArguments),
    /// Take a user out of a group.
    #[command(after_help = "Example:\n  tollgate iam group remove support ann")]
    Remove(MemberArguments),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MemberArguments {
    /// The group.
    pub(in crate::cli) group: String,
    /// The user.
    pub(in crate::cli) user: String,
    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArguments,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PolicyCommand {
    /// Make a managed policy from a file.
    #[command(after_help = "Example:\n  tollgate iam policy create deploy -f deploy.json")]
    Create {
        /// Letters, digits and _+=,.@-, at most 128.
        name: String,
        /// The policy, JSON in AWS's language; `-` reads standard input.
        #[arg(short = 'f', long = "file", value_name = "FILE")]
        file: PathBuf,
        /// What it is for.
        #[arg(long, default_value = "", value_name = "TEXT")]
        description: String,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// Replace the document of a managed policy: it holds at once.
    #[command(after_help = "Example:\n  tollgate iam policy update deploy -f deploy.json")]
    Update {
        /// The policy.
        name: String,
        /// The new document; `-` reads standard input.
        #[arg(short = 'f', long = "file", value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// List the managed policies.
    #[command(after_help = "Example:\n  tollgate iam policy list")]
    List(Connected),
    /// Show the document of a managed policy.
    #[command(after_help = "Example:\n  tollgate iam policy show deploy > deploy.json")]
    Show(Named),
    /// Delete a managed policy that is attached to nothing.
    #[command(after_help = "Example:\n  tollgate iam policy delete deploy")]
    Delete(Named),
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeyCommand {
    /// Make an access key and print it, this once.
    #[command(after_help = "Examples:\n  \
        tollgate iam key create ci                          as variables of the environment\n  \
        tollgate iam key create ci -o json > ci-key.json    as a file for --credentials")]
    Create {
        /// Whose: a user has two keys at most.
        user: String,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// List the access keys of a user, without their secrets.
    #[command(after_help = "Example:\n  tollgate iam key list ci")]
    List {
        /// The user.
        user: String,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// Disable an access key: calls with it are refused from now on.
    #[command(after_help = "Example:\n  tollgate iam key disable ci AKIAIOSFODNN7EXAMPLE")]
    Disable(OneKey),
    /// Enable an access key again.
    #[command(after_help = "Example:\n  tollgate iam key enable ci AKIAIOSFODNN7EXAMPLE")]
    Enable(OneKey),
    /// Make a second access key beside the one in use, and say how to end that one.
    #[command(after_help = "Example:\n  tollgate iam key rotate ci")]
    Rotate {
        /// Whose.
        user: String,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// Delete an access key.
    #[command(after_help = "Example:\n  tollgate iam key delete ci AKIAIOSFODNN7EXAMPLE")]
    Delete(OneKey),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OneKey {
    /// Whose.
    pub(in crate::cli) user: String,
    /// The access key id.
    #[arg(value_name = "KEY")]
    pub(in crate::cli) id: String,
    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArguments,
}

/// Whose policies.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whose").required(true).args(["user", "group"])))]
pub(in crate::cli) struct OwnerArguments {
    /// A user's.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) user: Option<String>,
    /// A group's.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) group: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum InlineCommand {
    /// Put a policy inside a user or a group, in place of the one of its name.
    #[command(after_help = "Example:\n  tollgate iam inline put own --user ci -f own.json")]
    Put {
        /// The policy's name there.
        name: String,
        /// The policy, JSON in AWS's language; `-` reads standard input.
        #[arg(short = 'f', long = "file", value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        owner: OwnerArguments,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// Show a policy inside a user or a group.
    #[command(after_help = "Example:\n  tollgate iam inline show own --user ci")]
    Show(AttachArguments),
    /// Delete a policy inside a user or a group.
    #[command(after_help = "Example:\n  tollgate iam inline delete own --user ci")]
    Delete(AttachArguments),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AttachArguments {
    /// The policy.
    pub(in crate::cli) policy: String,
    #[command(flatten)]
    pub(in crate::cli) owner: OwnerArguments,
    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("by").required(true).args(["user", "policies"])),
    after_help = "Examples:\n  \
    tollgate iam test --user ci --action apigateway:PATCH \
    --resource arn:aws:apigateway:us-east-1::/apis/shop\n  \
    tollgate iam test --policy deploy.json --action tollgate:Apply\n  \
    tollgate iam test --user ci --action apigateway:GET --context aws:SourceIp=10.1.2.3\n\n\
    The exit code is 0 when everything is allowed, else 1."
)]
pub(in crate::cli) struct TestArguments {
    /// By this user's policies and those of the groups that he is in.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) user: Option<String>,
    /// By the policies in these files. May be repeated.
    #[arg(long = "policy", value_name = "FILE")]
    pub(in crate::cli) policies: Vec<PathBuf>,
    /// The action, such as apigateway:GET. May be repeated.
    #[arg(long = "action", required = true, value_name = "ACTION")]
    pub(in crate::cli) actions: Vec<String>,
    /// The ARN of what it is done to; else `*`. May be repeated.
    #[arg(long = "resource", value_name = "ARN")]
    pub(in crate::cli) resources: Vec<String>,
    /// A key of conditions and its value. May be repeated, also with one key.
    #[arg(long = "context", value_name = "KEY=VALUE")]
    pub(in crate::cli) context: Vec<Pair>,
    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate iam rotate-root\n  \
    tollgate iam rotate-root --overlap 24h -o json\n\n\
    Every node accepts the new key at once and writes it to its root-key.json; the old one is \
    accepted until the overlap ends. With --overlap 0s it is refused at once.")]
pub(in crate::cli) struct RotateRootArguments {
    /// How long the old key goes on to be accepted: 0s, 30m, 1h, at most 7d.
    #[arg(long, default_value = "1h", value_name = "TIME")]
    pub(in crate::cli) overlap: Seconds,
    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArguments,
}
