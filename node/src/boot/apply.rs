//! API files applied by the node itself: `start --apply` and `dev`.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use tollgate_cluster::Door;
use tollgate_config::diagnostic::{Diagnostic, render};
use tollgate_config::document::{LoadContext, Others, load, merge};
use tollgate_config::node_config::NodeConfig;
use tollgate_functions::Functions;
use tollgate_model::{Change, Model, diff, validate};
use tollgate_protocol::Clock;
use tollgate_protocol::codes;
use tollgate_state::{Command, ProposalId, Reply};

use super::{BootError, Mode, io};
use crate::admin::Runtime;
use crate::clock::SystemClock;
use crate::console;
use crate::runtime::NodeRuntime;

/// How often dev mode looks at the files.
const WATCH_INTERVAL: Duration = Duration::from_millis(300);
/// By how much a file's time may lie before the clock's at its writing: kernels count in ticks.
const STAMP_SLACK: Duration = Duration::from_millis(50);
/// How long the first configuration may take to be served. It is not there to end a start that
/// goes on: a million API keys on a busy machine take their time, and a start that gives up
/// begins anew with the same.
const SERVED_DEADLINE: Duration = Duration::from_secs(600);
/// Files below a function's directory that are watched.
const WATCHED_FILES_MAX: usize = 10_000;

/// Changed resources that a line of the log names.
const NAMES_LOGGED: usize = 10;

/// A command, and the names of what it changes.
type Prepared = (Command, Vec<String>);

/// Applies files to this node.
pub(super) struct Applier {
    door: Door,
    runtime: Arc<NodeRuntime>,
    context: LoadContext,
    clock: SystemClock,
    /// The files that the last document consisted of, those that it names among them.
    sources: BTreeSet<PathBuf>,
    /// What was there when it was read.
    seen: Stamps,
}

impl Applier {
    pub(super) fn new(
        door: &Door,
        runtime: &Arc<NodeRuntime>,
        config: &NodeConfig,
        clock: SystemClock,
    ) -> Self {
        let context = LoadContext {
            environment: crate::process::environment(),
            region: config.region.clone(),
            account_id: config.account_id.clone(),
        };
        Self {
            door: door.clone(),
            runtime: Arc::clone(runtime),
            context,
            clock,
            sources: BTreeSet::new(),
            seen: Stamps::new(),
        }
    }

    /// Applies what the node was started with. Files that cannot be used stop the start, but not
    /// in dev mode, where they are about to be mended.
    pub(super) async fn apply_at_start(
        &mut self,
        config: &NodeConfig,
        mode: &Mode,
    ) -> Result<(), BootError> {
        for path in &config.apply {
            self.apply(path, Others::Keep).await?;
        }
        if let Mode::Dev(path) = mode
            && let Err(error) = self.follow(path).await
        {
            console::talk(error);
        }
        let revision = self.door.published().borrow().revision;
        self.runtime
            .route
            .wait_served(revision, SERVED_DEADLINE)
            .await
            .map_err(|reason| BootError::new(codes::API_FILE, reason))
    }

    async fn apply(&mut self, path: &Path, others: Others) -> Result<(), BootError> {
        // On a thread that ends with the work. Pages of the allocator that a thread leaves behind
        // are filled up by others; a thread that lives keeps what a large file took of it.
        let prepared = thread::scope(|scope| {
            let work = thread::Builder::new()
                .name("apply".into())
                .spawn_scoped(scope, || self.prepare(path, others))
                .map_err(io("cannot start a thread for a file"))?;
            work.join().unwrap_or_else(|panic| resume_unwind(panic))
        });
        let Some((command, names)) = prepared? else {
            return Ok(());
        };
        let shown = path.display();
        match self.door.propose(ProposalId::default(), command).await {
            Ok(Reply::Configured(revision)) => {
                tracing::info!(file = %shown, revision = revision.0, changes = names.len(),
                    changed = %some_of(&names), "applied");
                Ok(())
            }
            other => {
                let reason = format!("{shown} was not applied: {other:?}");
                Err(BootError::new(codes::API_FILE, reason))
            }
        }
    }

    /// The command that brings the node from its configuration to the file's, and the names of
    /// what it changes; `None` when it serves the file already.
    fn prepare(&mut self, path: &Path, others: Others) -> Result<Option<Prepared>, BootError> {
        let shown = path.display();
        let loaded = match load(path, &self.context) {
            Ok(loaded) => loaded,
            Err(found) => {
                // Whatever has to be mended is among them.
                let named = found.iter().filter(|it| !it.file.is_empty());
                self.sources.extend(named.map(|it| PathBuf::from(&it.file)));
                return Err(refused(&shown, &found));
            }
        };
        self.sources = loaded.sources.iter().cloned().collect();
        if !loaded.warnings.is_empty() {
            console::talk(render(&loaded.warnings).trim_end());
        }
        let current = self.door.published().borrow().clone();
        let wanted = Arc::new(merge(
            &current.model,
            loaded.model,
            self.clock.now(),
            others,
        ));
        let changes = diff(&current.model, &wanted);
        if changes.is_empty() {
            return Ok(None);
        }
        self.check(&wanted, &changes).map_err(|reasons| {
            BootError::new(codes::API_FILE, format!("{shown}: {}", reasons.join("; ")))
        })?;
        let names: Vec<String> = changes.iter().map(name).collect();
        let text = serde_json::to_vec(&changes)
            .map_err(|error| BootError::new(codes::API_FILE, error.to_string()))?;
        let command = Command::Configure {
            expected: Some(current.revision),
            rests_on: None,
            changes: text,
            who: format!("file {shown}"),
        };
        Ok(Some((command, names)))
    }

    /// Whether the node can take this model. The file kept the rules by itself; with what was
    /// there before, and refers to what the file replaces, the whole may not.
    fn check(&self, wanted: &Arc<Model>, changes: &[Change]) -> Result<(), Vec<String>> {
        let broken = validate(wanted);
        if !broken.is_empty() {
            let told = broken
                .into_iter()
                .map(|it| format!("{}: {}", it.path, it.message));
            return Err(told.collect());
        }
        self.runtime
            .check(wanted, changes)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    /// Applies what dev mode serves, and remembers what it was made of.
    async fn follow(&mut self, path: &Path) -> Result<(), BootError> {
        let before = self.source_stamps(path);
        let began = SystemTime::now().checked_sub(STAMP_SLACK);
        let result = self.apply(path, Others::Remove).await;
        self.seen = self.source_stamps(path);
        // A file that changed meanwhile is seen to have changed, also one that was not known yet.
        self.seen.retain(|file, (modified, _)| {
            before.contains_key(file) || began.is_some_and(|began| *modified < began)
        });
        for (file, stamp) in before {
            self.seen.entry(file).and_modify(|it| *it = stamp);
        }
        result
    }

    /// Applies the files again whenever one of them changes, and restarts functions whose code
    /// changed.
    pub(super) async fn watch(mut self, path: PathBuf, functions: Functions) {
        let mut code = self.function_stamps();
        loop {
            tokio::time::sleep(WATCH_INTERVAL).await;
            if self.source_stamps(&path) != self.seen {
                match self.follow(&path).await {
                    Ok(()) => code = self.function_stamps(),
                    Err(error) => console::talk(error),
                }
            }
            let now = self.function_stamps();
            for (name, stamp) in &now {
                if code.get(name).is_some_and(|old| old != stamp) && functions.restart(name) {
                    tracing::info!(function = %name, "code changed, restarted");
                }
            }
            code = now;
        }
    }

    /// The files that make the document up, those that it names among them.
    fn source_stamps(&self, path: &Path) -> Stamps {
        let named = self.sources.iter().map(PathBuf::as_path);
        named.chain([path]).flat_map(stamps).collect()
    }

    fn function_stamps(&self) -> BTreeMap<String, Stamps> {
        let model = Arc::clone(&self.door.published().borrow().model);
        let functions = model.functions.values();
        functions
            .filter(|function| !function.directory.is_empty())
            .map(|it| (it.name.clone(), stamps(Path::new(&it.directory))))
            .collect()
    }
}

fn refused(shown: &impl std::fmt::Display, found: &[Diagnostic]) -> BootError {
    console::talk(render(found).trim_end());
    let errors = found.iter().filter(|it| it.is_error()).count();
    let errors = if errors == 1 {
        "1 error".into()
    } else {
        format!("{errors} errors")
    };
    BootError::new(
        codes::API_FILE,
        format!("{shown} has {errors}; nothing was changed"),
    )
}

fn name(change: &Change) -> String {
    let (kind, name) = change.subject();
    format!("{kind} {name}").trim_end().to_owned()
}

type Stamps = BTreeMap<PathBuf, (SystemTime, u64)>;

/// Times and sizes of the files at and below a path. What node and Python write themselves is
/// left out.
fn stamps(root: &Path) -> Stamps {
    let mut out = Stamps::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        if out.len() >= WATCHED_FILES_MAX {
            break;
        }
        let Ok(metadata) = std::fs::metadata(&path) else {
            continue;
        };
        if metadata.is_dir() {
            let Ok(entries) = std::fs::read_dir(&path) else {
                continue;
            };
            open.extend(entries.flatten().map(|it| it.path()).filter(|it| {
                let name = it
                    .file_name()
                    .and_then(|name| name.to_str())
                    .unwrap_or_default();
                !matches!(name, "node_modules" | "__pycache__" | ".git" | ".venv")
            }));
        } else if let Ok(modified) = metadata.modified() {
            out.insert(path, (modified, metadata.len()));
        }
    }
    out
}

/// The first of these names, and how many more there are.
fn some_of(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMES_LOGGED)].join(", ");
    match names.len().saturating_sub(NAMES_LOGGED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_names_a_few_of_many_resources() {
        let names: Vec<String> = (0..500).map(|n| format!("api {n}")).collect();
        assert_eq!(some_of(&names[..2]), "api 0, api 1");
        assert_eq!(some_of(&names[..10]), names[..10].join(", "));
        assert!(some_of(&names).ends_with("api 9 and 490 more"));
    }
}
