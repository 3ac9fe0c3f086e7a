//! `tollgate backup`, `restore` and `recover`: the state in a file, and in a new cluster.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use tollgate_aws::wire::to_iso8601;
use tollgate_cluster::ClusterKey;
use tollgate_cluster::backup::{self, Arriving, BackupError, Head};
use tollgate_cluster::succession::{self, SuccessionError};
use tollgate_protocol::{Clock as _, codes};
use tollgate_state::Quotas;

use super::arguments::{BackupArguments, Format, RecoverArguments, RestoreArguments, WindowsBegin};
use super::client::Client;
use super::failure::{Failure, USAGE};
use super::{Context, settings};
use crate::clock::SystemClock;

/// `tollgate backup`
pub(super) async fn take(arguments: &BackupArguments, context: &Context) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection, context)?;
    let file = &arguments.file;
    let beside = beside(file);
    let taken = receive(&client, &beside, file).await;
    let (head, bytes) = match taken {
        Ok(taken) => taken,
        Err(failure) => {
            // Best effort: what is left of it is no backup under any name.
            std::fs::remove_file(&beside).ok();
            return Err(failure);
        }
    };
    if !head.agreed {
        context.output.talk(
            "warning: no majority of the cluster answered: the backup has what this node knows, \
             which may not be everything that was acknowledged",
        );
    }
    if context.format == Format::Json {
        context.output.json(&json!({
            "file": file,
            "bytes": bytes,
            "revision": head.revision,
            "takenMs": head.taken.0,
            "clusterId": id(&head),
            "featureLevel": head.level,
            "version": head.version,
            "agreed": head.agreed,
        }));
    } else {
        context.output.talk(&format!(
            "revision {} in {}, {bytes} bytes; it holds API keys and private keys: guard it like \
             the data directory",
            head.revision,
            file.display()
        ));
    }
    Ok(())
}

/// The name under which a file is written until it is whole.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    // Two backups to one name do not write into one file.
    name.push(format!(".{}.partial", std::process::id()));
    name.into()
}

/// Writes what the node sends, checks it, and gives it its name when it is whole and on the disk.
async fn receive(client: &Client, beside: &Path, file: &Path) -> Result<(Head, u64), Failure> {
    let cannot = |what: &str, error: std::io::Error| {
        Failure::new(format!("cannot {what} {}: {error}", beside.display()))
    };
    let mut options = OpenOptions::new();
    // Never a file that is there already: it could be one that others may read.
    options.write(true).create_new(true).mode(0o600);
    let mut sink = options
        .open(beside)
        .map_err(|error| cannot("create", error))?;
    let (mut arriving, mut bytes) = (Arriving::default(), 0);
    let take = |piece: &[u8]| {
        bytes += piece.len() as u64;
        arriving
            .take(piece)
            .map_err(|error| unusable(file, &error))?;
        sink.write_all(piece)
            .map_err(|error| cannot("write", error))
    };
    client.download("backup", take).await?;
    let head = arriving.finish().map_err(|error| unusable(file, &error))?;
    sink.sync_all().map_err(|error| cannot("flush", error))?;
    std::fs::rename(beside, file).map_err(|error| cannot("rename", error))?;
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(|error| cannot("flush the directory of", error))?;
    Ok((head, bytes))
}

fn id(head: &Head) -> String {
    head.cluster.iter().map(|it| format!("{it:02x}")).collect()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn unusable(file: &Path, error: &BackupError) -> Failure {
    let hint = match error {
        BackupError::Newer { .. } | BackupError::Level { .. } => {
            "restore it with the release that wrote it"
        }
        BackupError::Foreign => "name a file that `tollgate backup` wrote",
        BackupError::Io(_) => "check the path and who may read it",
        BackupError::CutShort
        | BackupError::Damaged(_)
        | BackupError::Mixed
        | BackupError::State(_) => "take another copy of it, or an older backup",
    };
    let what = format!("the backup {}: {}", file.display(), chain(error));
    Failure::new(what).code(&codes::BACKUP).hint(hint)
}

fn refused(error: &SuccessionError) -> Failure {
    let failure = Failure::new(chain(error));
    let failure = match error {
        SuccessionError::Occupied(_) | SuccessionError::Foreign { .. } => {
            failure.hint("name an empty directory with --data-dir")
        }
        SuccessionError::Empty(_) => {
            failure.hint("name the stopped node's data directory with --data-dir")
        }
        SuccessionError::Removed(_) | SuccessionError::Store(_) | SuccessionError::Key(_) => {
            failure
        }
    };
    match codes::find(error.code().code) {
        Some(code) => failure.code(code),
        None => failure,
    }
}

fn quotas(begin: WindowsBegin) -> Quotas {
    match begin {
        WindowsBegin::Exhausted => Quotas::Exhausted,
        WindowsBegin::AsKnown => Quotas::AsKnown,
    }
}

fn told(begin: WindowsBegin) -> &'static str {
    match begin {
        WindowsBegin::Exhausted => {
            "quotas: nothing is left of current periods; keys with a quota are served again when \
             the next period begins, or when what remains is set by UpdateUsage"
        }
        WindowsBegin::AsKnown => {
            "quotas: what was admitted after the last known moment can be admitted once more"
        }
    }
}

/// A cluster key that was kept apart from the backups.
fn cluster_key(file: &Path) -> Result<ClusterKey, Failure> {
    let cannot = |why: &str| {
        let text = format!("cannot use {} as a cluster key: {why}", file.display());
        Failure::new(text).exit(USAGE)
    };
    let bytes = std::fs::read(file).map_err(|error| cannot(&error.to_string()))?;
    let bytes = bytes.try_into();
    bytes
        .map(ClusterKey::from_bytes)
        .map_err(|_| cannot("it has not 32 bytes"))
}

/// `tollgate restore`
pub(super) fn restore(arguments: &RestoreArguments, context: &Context) -> Result<(), Failure> {
    let dir = settings::data_dir(&arguments.directory, context)?;
    let file = &arguments.file;
    let source = File::open(file).map_err(|error| unusable(file, &BackupError::Io(error)))?;
    let (head, state) =
        backup::read(BufReader::new(source)).map_err(|error| unusable(file, &error))?;
    let now = SystemClock::start().now();
    let (apis, keys) = (state.model.apis.len(), state.model.api_keys.len());
    let key = arguments.cluster_key.as_deref().map(cluster_key);
    let key = key.transpose()?;
    let sealed = state.iam().keys().len();
    let lost = if key.is_none() { sealed } else { 0 };
    let restored = succession::restore(&dir, state, quotas(arguments.quotas), now, key);
    let cluster = restored.map_err(|error| refused(&error))?;
    if context.format == Format::Json {
        context.output.json(&json!({
            "dataDir": dir,
            "clusterId": cluster,
            "fromClusterId": id(&head),
            "revision": head.revision,
            "takenMs": head.taken.0,
            "apis": apis,
            "apiKeys": keys,
            "accessKeysLost": lost,
        }));
        return Ok(());
    }
    if lost > 0 {
        context.output.talk(&format!(
            "warning: {lost} access keys of users are not accepted any more: without --cluster-key \
             nobody can open their secrets"
        ));
    }
    context.output.talk(&format!(
        "{} is the first node of cluster {cluster}: revision {} of {}, {apis} APIs, {keys} API \
         keys\n{}\nnext: tollgate start --data-dir {}, then let other nodes join",
        dir.display(),
        head.revision,
        to_iso8601(head.taken.0),
        told(arguments.quotas),
        dir.display(),
    ));
    Ok(())
}

/// `tollgate recover`
pub(super) fn recover(arguments: &RecoverArguments, context: &Context) -> Result<(), Failure> {
    let dir = settings::data_dir(&arguments.directory, context)?;
    let now = SystemClock::start().now();
    let recovered = succession::recover(&dir, quotas(arguments.quotas), now);
    let recovered = recovered.map_err(|error| refused(&error))?;
    if context.format == Format::Json {
        context.output.json(&json!({
            "dataDir": dir,
            "nodeId": recovered.node,
            "clusterId": recovered.cluster,
            "fromClusterId": recovered.old_cluster,
            "revision": recovered.revision,
            "lastIndex": recovered.last,
            "agreedIndex": recovered.agreed,
            "lastMs": recovered.last_at.0,
            "leftOut": recovered.left_out,
        }));
        return Ok(());
    }
    let left_out: Vec<String> = recovered.left_out.iter().map(u64::to_string).collect();
    let left_out = if left_out.is_empty() {
        "none".to_owned()
    } else {
        left_out.join(", ")
    };
    context.output.talk(&format!(
        "node {} is cluster {} now, alone; nodes left out for ever: {left_out}\n\
         kept: revision {}, the log up to entry {} of {}; {} of its entries were not known to be \
         agreed on and may never have been acknowledged\n\
         lost: what the other nodes agreed on after that entry and this node was not told\n{}\n\
         next: tollgate start --data-dir {}, then join new nodes; never start the old ones again",
        recovered.node,
        recovered.cluster,
        recovered.revision,
        recovered.last,
        to_iso8601(recovered.last_at.0),
        recovered.last.saturating_sub(recovered.agreed),
        told(arguments.quotas),
        dir.display(),
    ));
    Ok(())
}
