//! Changes of the configuration: read, edit, check, propose, and wait until they are served.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tollgate_aws::{AwsError, ErrorKind};
use tollgate_model::{Change, Mark, Model, diff, rests_on, validate_changes};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::Revision;
use tollgate_protocol::limits::COMMAND_BYTES_MAX;
use tollgate_state::{Command, ProposalId, Reply};

use super::call::{Call, above, unavailable};
use super::permit::permit;
pub(crate) use super::turns::LooksAt;
use super::turns::Turn;

/// How often a change is made again because another one of the same came first. Nodes that are near
/// the leader win more often; at this number one that wins every fifth time loses once in a million.
const ATTEMPTS_MAX: u32 = 64;
/// After so many a change waits until it is alone on its node.
const CONFLICTS_BESIDE_MAX: u32 = 6;
/// How long that may go on: less than an SDK waits for an answer.
const ATTEMPTS_DEADLINE: Duration = Duration::from_secs(20);
/// How long a change may take from the state to the workers.
pub(crate) const SERVED_DEADLINE: Duration = Duration::from_secs(5);
/// Broken rules that an error names.
const RULES_NAMED_MAX: usize = 20;
/// Resources that a line of the log names.
const SUBJECTS_LOGGED_MAX: usize = 8;
/// Bytes of a command that are not changes, at most: revision, access key and lengths.
const COMMAND_FRAME_BYTES: usize = 4096;

/// Marks that a command carries; a change that rests on more rests on everything.
pub(crate) const RESTS_ON_MAX: usize = 256;

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

/// Changes the configuration: `edit` makes the new one from the committed one, looking at no more
/// of it than `looks_at` says, and is called again when that was changed meanwhile. Answers when
/// this node serves the result.
///
/// # Errors
/// What `edit` says; `BadRequestException` for a result that breaks a rule;
/// `ConflictException` when other changes kept coming first; `ServiceUnavailableException` when
/// the outcome is not known yet.
pub(crate) async fn change<T>(
    call: &Call<'_>,
    looks_at: LooksAt<'_>,
    edit: impl Fn(&Model, Millis) -> Result<(Model, T), AwsError>,
) -> Result<Changed<T>, AwsError> {
    // Kept until the change is committed, and not while it comes to be served: the next ones
    // then come into force together.
    let mut turn = Some(call.state.turns.take(looks_at).await?);
    let mut names = 0;
    let began = Instant::now();
    let mut conflicts = 0;
    while conflicts < ATTEMPTS_MAX && began.elapsed() < ATTEMPTS_DEADLINE {
        let planned = plan(call, &edit).await?;
        let rests_on = resting_on(&planned, looks_at);
        let beside = !turn.as_ref().is_some_and(Turn::is_alone);
        // The rules can make it rest on more than its author looks at, which the changes beside it
        // go on changing.
        if beside && (rests_on.is_none() || conflicts == CONFLICTS_BESIDE_MAX) {
            // First its own turn ends, or it would wait for itself.
            drop(turn.take());
            turn = Some(call.state.turns.take(LooksAt::Everything).await?);
            continue;
        }
        // Proposed even if nothing changes: this node may not know the latest revision, and "it is
        // so already" would be an answer about the past.
        let command = Command::Configure {
            expected: Some(planned.revision),
            rests_on,
            changes: encode(&planned.changes)?,
            who: call.who.to_owned(),
        };
        // Only what is remembered takes a name: a repetition of the call then finds each answer
        // under the name that it had.
        let mut proposal = ProposalId::default();
        if !planned.changes.is_empty() {
            proposal = call.seed.proposal(names);
            names += 1;
        }
        match propose(call, proposal, command).await? {
            Reply::Configured(revision) => {
                drop(turn.take());
                if !planned.changes.is_empty() {
                    log(call, &planned.changes, revision);
                }
                served(call, revision).await?;
                return Ok(Changed {
                    revision,
                    ..planned
                });
            }
            Reply::Conflict(_) => conflicts += 1,
            Reply::Refused(why) => return Err(AwsError::bad_request(why)),
            Reply::Level(level) => return Err(above(level)),
            Reply::Leased(_)
            | Reply::Stale
            | Reply::Done
            | Reply::Admitted(_)
            | Reply::NotAdmitted(_)
            | Reply::Iam(_)
            | Reply::IamConflict(_) => {
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

/// What a planned change rests on; `None` for everything.
fn resting_on<T>(planned: &Changed<T>, looks_at: LooksAt<'_>) -> Option<Vec<Mark>> {
    let LooksAt::Only(looked_at) = looks_at else {
        return None;
    };
    if planned.changes.len() > RESTS_ON_MAX {
        return None;
    }
    let mut marks = rests_on(&planned.before, &planned.changes);
    marks.extend(looked_at);
    (marks.len() <= RESTS_ON_MAX).then(|| marks.into_iter().collect())
}

/// Changes as a command carries them. No bytes make no revision: they only confirm the expected one.
fn encode(changes: &[Change]) -> Result<Vec<u8>, AwsError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = serde_json::to_vec(changes)
        .map_err(|error| AwsError::new(ErrorKind::Internal, format!("cannot encode: {error}")))?;
    if bytes.len() > COMMAND_BYTES_MAX - COMMAND_FRAME_BYTES {
        let text =
            format!("the change is larger than {COMMAND_BYTES_MAX} bytes; apply it in parts");
        return Err(AwsError::new(ErrorKind::PayloadTooLarge, text));
    }
    Ok(bytes)
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
    let (revision, before) = call.model().await?;
    let (after, value) = edit(&before, call.state.clock.now())?;
    let changes = diff(&before, &after);
    if !changes.is_empty() {
        check(call, &before, after, &changes)?;
    }
    Ok(Changed {
        value,
        before,
        changes,
        revision,
    })
}

/// Proposes a command under a name.
///
/// # Errors
/// `ServiceUnavailableException`: the outcome is not known, and a retry of the call finds it.
pub(crate) async fn propose(
    call: &Call<'_>,
    proposal: ProposalId,
    command: Command,
) -> Result<Reply, AwsError> {
    call.state
        .door
        .propose(proposal, command)
        .await
        .map_err(|error| unavailable(&error))
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

/// The rules of the model, and those that only the running node knows, as far as changes can have
/// broken them.
fn check(
    call: &Call<'_>,
    before: &Model,
    after: Model,
    changes: &[Change],
) -> Result<(), AwsError> {
    permit(call, before, changes)?;
    let runtime = &call.state.runtime;
    let holder = runtime.key_holders(before);
    let broken = validate_changes(before, &after, changes, &*holder);
    if !broken.is_empty() {
        let all = broken.iter().map(|it| (it.path.as_str(), &*it.message));
        return Err(rules(all, broken.len()));
    }
    match runtime.check(&Arc::new(after), changes) {
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
