//! One process of a function from its start to its end: its Runtime API, its output, its
//! deadlines, its memory. Nothing here decides; [`crate::pool`] says what to do.

use std::io;
use std::net::Ipv4Addr;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, sleep_until, timeout};

use crate::api::{self, Api};
use crate::environment;
use crate::limits::{
    ACCEPT_PAUSE, BUSY_PAUSE, BUSY_TRIES, CONNECTIONS_MAX, DRAIN_MAX, MEMORY_PERIOD,
};
use crate::logs::{Line, LogRecord, LogSource, forward};
use crate::pool::slot::{Check, SlotId};
use crate::pool::{InitFailure, Pool};

mod group;
mod memory;

use group::Group;

/// Starts a process for a slot of a pool and looks after it until it is gone.
pub(crate) async fn run(pool: Arc<Pool>, id: SlotId) {
    // Dropped last, whatever happens: a slot without a process would be lost capacity.
    let mut gone = Gone {
        pool: Arc::clone(&pool),
        id,
        exit: "the supervisor ended".into(),
    };
    let process = match Process::start(Arc::clone(&pool), id).await {
        Ok(process) => process,
        Err(failure) => {
            log(&pool, 0, None, format!("cannot start: {}", failure.message));
            // It is in its start, so it can fail in it.
            pool.with(|state| state.init_error(id, failure, Instant::now()))
                .ok();
            return;
        }
    };
    gone.exit = process.supervise().await;
}

struct Gone {
    pool: Arc<Pool>,
    id: SlotId,
    exit: String,
}

impl Drop for Gone {
    fn drop(&mut self) {
        self.pool.gone(self.id, &self.exit);
    }
}

struct Process {
    pool: Arc<Pool>,
    id: SlotId,
    process_id: u32,
    child: Child,
    group: Group,
    listener: TcpListener,
    connections: JoinSet<()>,
    outputs: JoinSet<()>,
    api: Arc<Api>,
}

impl Process {
    async fn start(pool: Arc<Pool>, id: SlotId) -> Result<Self, InitFailure> {
        let failed = |what: &str, error: &io::Error| InitFailure {
            error_type: "Runtime.InvalidEntrypoint".into(),
            message: format!("{what}: {error}").into(),
        };
        // A listener per process: the address is all that the process has to say who it is.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(|e| failed("no port for the runtime interface", &e))?;
        let address = listener
            .local_addr()
            .map_err(|e| failed("no address", &e))?;
        let line = environment::command_line(&pool.spec, &pool.host);
        let now = time::OffsetDateTime::now_utc();
        let mut command = Command::new(&line.program);
        command
            .args(&line.arguments)
            .current_dir(&pool.spec.directory)
            .env_clear()
            .envs(environment::variables(&pool.spec, &pool.host, address, now))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = spawn(&mut command).await.map_err(|e| {
            failed(
                &format!("cannot run {:?} in {:?}", line.program, pool.spec.directory),
                &e,
            )
        })?;
        let process_id = child.id().unwrap_or_default();
        let mut outputs = JoinSet::new();
        if let Some(stdout) = child.stdout.take() {
            let write = writer(Arc::clone(&pool), id, process_id, LogSource::Stdout);
            outputs.spawn(forward(stdout, write));
        }
        if let Some(stderr) = child.stderr.take() {
            let write = writer(Arc::clone(&pool), id, process_id, LogSource::Stderr);
            outputs.spawn(forward(stderr, write));
        }
        Ok(Self {
            api: Arc::new(Api::new(Arc::clone(&pool), id)),
            pool,
            id,
            process_id,
            group: Group::of(process_id),
            child,
            listener,
            connections: JoinSet::new(),
            outputs,
        })
    }

    /// Runs until the process is gone; how it ended.
    async fn supervise(mut self) -> String {
        let Some(recheck) = self.pool.with(|state| state.recheck(self.id)) else {
            return "not wanted".into();
        };
        let mut memory_ticks = memory_ticks();
        let status = loop {
            let now = Instant::now();
            let wake_at = match self.pool.with(|state| state.check(self.id, now)) {
                Check::Until(at) => at,
                Check::Terminate => {
                    self.group.terminate();
                    continue;
                }
                Check::Kill => {
                    self.group.kill();
                    now + DRAIN_MAX
                }
            };
            tokio::select! {
                status = self.child.wait() => break status,
                () = recheck.notified() => {}
                () = sleep_until(wake_at) => {}
                accepted = self.listener.accept(), if self.connections.len() < CONNECTIONS_MAX => {
                    match accepted {
                        Ok((stream, _)) => {
                            self.connections.spawn(api::serve(stream, Arc::clone(&self.api)));
                        }
                        // No file descriptor left: the process tries again, after a while.
                        Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                    }
                }
                Some(_) = self.connections.join_next() => {}
                _ = memory_ticks.tick(), if self.pool.spec.memory_mib.is_some() => {
                    self.measure_memory();
                }
            }
        };
        self.end(status).await
    }

    /// Reads what the process left in its sockets and pipes.
    async fn end(mut self, status: io::Result<ExitStatus>) -> String {
        // What it started must not outlive it, nor hold the pipes open.
        self.group.kill();
        drop(self.listener);
        // An error means that nothing more can be had within the time.
        drop(timeout(DRAIN_MAX, drain(&mut self.connections)).await);
        drop(timeout(DRAIN_MAX, drain(&mut self.outputs)).await);
        // A streamed answer that a slow client still reads; it ends at its own deadline.
        self.connections.detach_all();
        match status {
            Ok(status) => status.to_string(),
            Err(error) => format!("its end is unknown: {error}"),
        }
    }

    fn measure_memory(&self) {
        let Some(limit_mib) = self.pool.spec.memory_mib else {
            return;
        };
        let Some(used_mib) = memory::resident_mib(self.process_id) else {
            return;
        };
        if used_mib > limit_mib {
            let request_id = self.pool.with(|state| {
                state.out_of_memory(self.id, used_mib, limit_mib);
                state.request_id(self.id)
            });
            let text = format!("killed: it uses {used_mib} MiB of {limit_mib} MiB");
            log(&self.pool, self.process_id, request_id, text);
            self.group.kill();
        }
    }
}

/// Starts a program. One that somebody is writing at this moment is not failed at once: it has just
/// been built or copied.
async fn spawn(command: &mut Command) -> io::Result<Child> {
    for _ in 0..BUSY_TRIES {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            result => return result,
        }
    }
    command.spawn()
}

async fn drain(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

fn memory_ticks() -> Interval {
    let mut ticks = tokio::time::interval(MEMORY_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn writer(pool: Arc<Pool>, id: SlotId, process_id: u32, source: LogSource) -> impl Fn(Line) {
    move |line| {
        let request_id = pool.with(|state| state.request_id(id));
        match line {
            Line::Text(text) => {
                let function = Arc::clone(&pool.name);
                let record = LogRecord {
                    function,
                    process_id,
                    request_id,
                    source,
                    text,
                };
                pool.host.sink.write(record);
            }
            Line::Dropped(count) => {
                log(
                    &pool,
                    process_id,
                    request_id,
                    format!("{count} lines of {source:?} dropped"),
                );
            }
        }
    }
}

fn log(pool: &Pool, process_id: u32, request_id: Option<Arc<str>>, text: String) {
    let function = Arc::clone(&pool.name);
    let source = LogSource::Platform;
    pool.host.sink.write(LogRecord {
        function,
        process_id,
        request_id,
        source,
        text,
    });
}
