//! Changes of the configuration: read, edit, check, propose, and wait until they are served.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, watch};
use tokio::time::Instant;
use tollgate_aws::{AwsError, ErrorKind};
use tollgate_cluster::Submitted;
use tollgate_model::{Change, Model, diff, validate};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::Revision;
use tollgate_protocol::limits::COMMAND_BYTES_MAX;
use tollgate_state::{Command, Reply};

use super::call::{Call, above, unavailable};

/// How long a change is made again because another node's came first: ten tries and more.
const CHANGE_DEADLINE: Duration = Duration::from_secs(10);
/// What it waits before it is made again, times the tries so far, at most [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// How long a change may take from the state to the workers.
pub(crate) const SERVED_DEADLINE: Duration = Duration::from_secs(5);
/// Broken rules that an error names.
const RULES_NAMED_MAX: usize = 20;
/// Resources that a line of the log names.
const SUBJECTS_LOGGED_MAX: usize = 8;
/// Bytes of a command that are not changes, at most: revision, access key and lengths.
const COMMAND_FRAME_BYTES: usize = 4096;

/// How long a change waits for those before it.
const TURN_DEADLINE: Duration = Duration::from_secs(30);

/// The order of this node's changes. Without it, many callers at once would all plan on one
/// revision, of which one gets through and the others begin anew.
///
/// A change is planned on what the one before it makes, and not on what is committed: so many
/// changes share an entry of the log and its flush. Should the one before it not happen, then
/// neither does this one, because its revision is not the expected one, and it is planned anew.
#[derive(Debug, Default)]
pub struct Turn(Mutex<Queued>);

/// The changes that are on their way.
#[derive(Debug, Default)]
struct Queued {
    /// What they make; `None` when none is on its way.
    tip: Option<Tip>,
    /// Lineages so far.
    lineages: u64,
}

/// What changes make, once they are committed.
#[derive(Debug)]
struct Tip {
    revision: Revision,
    model: Arc<Model>,
    /// Closes when the newest of them was answered.
    answered: watch::Receiver<()>,
    /// Of one lineage are changes of which each was planned on the one before it.
    lineage: u64,
}

/// What a change is planned on.
struct Base {
    revision: Revision,
    model: Arc<Model>,
    /// There when the model is not committed yet; closes when its change was answered.
    ahead: Option<watch::Receiver<()>>,
}

impl Turn {
    /// Waits for the changes before this one to be planned and queued.
    ///
    /// # Errors
    /// `ServiceUnavailableException` when they take too long.
    async fn take(&self) -> Result<MutexGuard<'_, Queued>, AwsError> {
        let waited = tokio::time::timeout(TURN_DEADLINE, self.0.lock()).await;
        waited.map_err(|_| {
            let text = "too many changes come before this one; try again";
            AwsError::new(ErrorKind::ServiceUnavailable, text).with_retry_after(1)
        })
    }

    /// The change that was to make this revision was answered. When it did not happen, none
    /// that was planned on it will.
    async fn answered(&self, lineage: u64, revision: Revision, happened: bool) {
        let mut queued = self.0.lock().await;
        let over = |tip: &Tip| tip.lineage == lineage && (!happened || tip.revision == revision);
        if queued.tip.as_ref().is_some_and(over) {
            queued.tip = None;
        }
    }
}

impl Queued {
    /// The lineage of a change that is planned on `base`.
    fn lineage(&mut self, base: &Base) -> u64 {
        match &self.tip {
            Some(tip) if base.ahead.is_some() => tip.lineage,
            _ => {
                self.lineages += 1;
                self.lineages
            }
        }
    }
}

impl Base {
    async fn of(call: &Call<'_>, tip: Option<&Tip>) -> Result<Self, AwsError> {
        let (revision, model) = call.model().await?;
        Ok(match tip {
            Some(tip) if tip.revision > revision => Self {
                revision: tip.revision,
                model: Arc::clone(&tip.model),
                ahead: Some(tip.answered.clone()),
            },
            _ => Self {
                revision,
                model,
                ahead: None,
            },
        })
    }
}

/// A change that was made, or would be.
pub(crate) struct Changed<T> {
    /// What the edit returned.
    pub(crate) value: T,
    /// What there was before.
    pub(crate) before: Arc<Model>,
    /// What changes, in order; empty when everything was so already.
    pub(crate) changes: Vec<Change>,
    /// The revision with the change, the current one where nothing changed.
    pub(crate) revision: Revision,
}

/// Changes the configuration: `edit` makes the new one from the committed one, and is called again
/// when another change came first. Answers when this node serves the result.
///
/// # Errors
/// What `edit` says; `BadRequestException` for a result that breaks a rule;
/// `ConflictException` when other changes kept coming first; `ServiceUnavailableException` when
/// the outcome is not known yet.
pub(crate) async fn change<T>(
    call: &Call<'_>,
    edit: impl Fn(&Model, Millis) -> Result<(Model, T), AwsError>,
) -> Result<Changed<T>, AwsError> {
    let until = Instant::now() + CHANGE_DEADLINE;
    for attempt in 0.. {
        if Instant::now() >= until {
            break;
        }
        let mut queued = call.state.turn.take().await?;
        let base = Base::of(call, queued.tip.as_ref()).await?;
        let (planned, after) = match plan_on(call, &base, &edit) {
            Ok(planned) => planned,
            Err(error) if base.ahead.is_none() => return Err(error),
            // Judged by what may never be: it waits for what is.
            Err(_) => {
                drop(queued);
                settle(base.ahead).await;
                plan(call, &edit).await?;
                continue;
            }
        };
        // Proposed even if nothing changes: this node may not know the latest revision, and "it is
        // so already" would be an answer about the past.
        let proposed = submit(call, attempt, configure(call, &planned)?)?;
        let (answering, answered) = watch::channel(());
        let (lineage, mut makes) = (queued.lineage(&base), base.revision);
        if let Some(model) = after {
            makes = Revision(base.revision.0 + 1);
            queued.tip = Some(Tip {
                revision: makes,
                model,
                answered,
                lineage,
            });
        }
        // The next change is planned while this one is agreed on.
        drop(queued);
        let reply = proposed.answer().await.map_err(|error| unavailable(&error));
        let happened = matches!(reply, Ok(Reply::Configured(_)));
        call.state.turn.answered(lineage, makes, happened).await;
        drop(answering);
        match reply? {
            Reply::Configured(revision) => {
                if !planned.changes.is_empty() {
                    log(call, &planned.changes, revision);
                }
                served(call, revision).await?;
                return Ok(Changed {
                    revision,
                    ..planned
                });
            }
            // Other changes go on meanwhile, so that this one finds a gap between them.
            Reply::Conflict(_) => tokio::time::sleep((PAUSE * attempt).min(PAUSE_MAX)).await,
            Reply::Refused(why) => return Err(AwsError::bad_request(why)),
            Reply::Level(level) => return Err(above(level)),
            Reply::Leased(_)
            | Reply::Stale
            | Reply::Done
            | Reply::Admitted(_)
            | Reply::NotAdmitted(_) => {
                return Err(AwsError::new(
                    ErrorKind::Internal,
                    "the state answered another question",
                ));
            }
        }
    }
    Err(AwsError::conflict(
        "Unable to complete operation due to concurrent modification. Please try again later.",
    ))
}

/// Waits until the change that was planned on was answered, and is seen here if it happened.
async fn settle(ahead: Option<watch::Receiver<()>>) {
    if let Some(mut answered) = ahead {
        // Nothing is ever sent: the end is the message.
        drop(tokio::time::timeout(TURN_DEADLINE, answered.changed()).await);
    }
}

/// The command that makes a planned change. No bytes make no revision: they only confirm the
/// expected one.
fn configure<T>(call: &Call<'_>, planned: &Changed<T>) -> Result<Command, AwsError> {
    let mut changes = Vec::new();
    if !planned.changes.is_empty() {
        changes = serde_json::to_vec(&planned.changes).map_err(|error| {
            AwsError::new(ErrorKind::Internal, format!("cannot encode: {error}"))
        })?;
    }
    if changes.len() > COMMAND_BYTES_MAX - COMMAND_FRAME_BYTES {
        return Err(AwsError::new(
            ErrorKind::PayloadTooLarge,
            format!("the change is larger than {COMMAND_BYTES_MAX} bytes; apply it in parts"),
        ));
    }
    Ok(Command::Configure {
        expected: Some(planned.revision),
        changes,
        who: call.who.to_owned(),
    })
}

/// Operators' actions are told: who changed what, and never what it is now.
fn log(call: &Call<'_>, changes: &[Change], revision: Revision) {
    let subjects: Vec<String> = changes
        .iter()
        .take(SUBJECTS_LOGGED_MAX)
        .map(|change| {
            let (kind, name) = change.subject();
            format!("{kind} {name}")
        })
        .collect();
    tracing::info!(
        who = call.who,
        revision = revision.0,
        changes = changes.len(),
        subjects = subjects.join(", "),
        "configuration changed"
    );
}

/// What [`change`] would do, without doing it.
///
/// # Errors
/// As [`change`], before anything is proposed.
pub(crate) async fn plan<T>(
    call: &Call<'_>,
    edit: &impl Fn(&Model, Millis) -> Result<(Model, T), AwsError>,
) -> Result<Changed<T>, AwsError> {
    let base = Base::of(call, None).await?;
    Ok(plan_on(call, &base, edit)?.0)
}

/// What an edit changes of a base, and the model that it makes unless that is the same.
fn plan_on<T>(
    call: &Call<'_>,
    base: &Base,
    edit: &impl Fn(&Model, Millis) -> Result<(Model, T), AwsError>,
) -> Result<(Changed<T>, Option<Arc<Model>>), AwsError> {
    let (after, value) = edit(&base.model, call.state.clock.now())?;
    let changes = diff(&base.model, &after);
    let after = if changes.is_empty() {
        None
    } else {
        let after = Arc::new(after);
        check(call, &after)?;
        Some(after)
    };
    let planned = Changed {
        value,
        before: Arc::clone(&base.model),
        changes,
        revision: base.revision,
    };
    Ok((planned, after))
}

/// Proposes a command under the name of an attempt, behind those that were proposed before.
///
/// # Errors
/// `ServiceUnavailableException`: too many wait, or the node stops.
fn submit(call: &Call<'_>, attempt: u32, command: Command) -> Result<Submitted, AwsError> {
    let submitted = call.state.door.submit(call.seed.proposal(attempt), command);
    submitted.map_err(|error| unavailable(&error))
}

/// Proposes a command under the name of an attempt, and waits for its answer.
///
/// # Errors
/// `ServiceUnavailableException`: the outcome is not known, and a retry of the call finds it.
pub(crate) async fn propose(
    call: &Call<'_>,
    attempt: u32,
    command: Command,
) -> Result<Reply, AwsError> {
    let proposed = submit(call, attempt, command)?;
    proposed.answer().await.map_err(|error| unavailable(&error))
}

async fn served(call: &Call<'_>, revision: Revision) -> Result<(), AwsError> {
    if call
        .state
        .runtime
        .wait_served(revision, SERVED_DEADLINE)
        .await
    {
        return Ok(());
    }
    let text = format!("revision {revision} is committed and not served yet; try again");
    Err(AwsError::new(ErrorKind::ServiceUnavailable, text).with_retry_after(1))
}

/// The rules of the model, and those that only the running node knows.
fn check(call: &Call<'_>, model: &Arc<Model>) -> Result<(), AwsError> {
    let broken = validate(model);
    if !broken.is_empty() {
        let all = broken.iter().map(|it| (it.path.as_str(), &*it.message));
        return Err(rules(all, broken.len()));
    }
    match call.state.runtime.check(model) {
        Ok(()) => Ok(()),
        Err(broken) => {
            let all = broken.iter().map(|it| (it.path.as_str(), &*it.reason));
            Err(rules(all, broken.len()))
        }
    }
}

fn rules<'r>(broken: impl Iterator<Item = (&'r str, &'r str)>, count: usize) -> AwsError {
    let mut named: Vec<String> = broken
        .take(RULES_NAMED_MAX)
        .map(|(path, message)| format!("{path}: {message}"))
        .collect();
    if count > RULES_NAMED_MAX {
        named.push(format!("and {} more", count - RULES_NAMED_MAX));
    }
    AwsError::bad_request(named.join("; "))
}
