//! A node: the shipped binary in a directory of its own, on ports of its own.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{self, CliOutput};
use crate::http::{Request, Response};
use crate::metrics::Metrics;
use crate::ports;
use crate::process::{Process, Usage};
use crate::wait::{DEADLINE, wait_until};

/// The root access key that nodes of the suites are given.
pub const ROOT_ACCESS_KEY: &str = "AKIATESTROOT00000001";
/// Its secret.
pub const ROOT_SECRET_KEY: &str = "harness-root-secret-key-0000000000000001";

/// The flags of the listeners that a suite needs.
const LISTENERS: [&str; 4] = ["--http", "--admin", "--ops", "--peer"];

/// Where a node listens, as it wrote to `addresses.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Clients of the APIs.
    pub http: SocketAddr,
    /// Clients of the APIs over TLS, if asked for.
    pub https: Option<SocketAddr>,
    /// The management APIs.
    pub admin: SocketAddr,
    /// Health and metrics.
    pub ops: SocketAddr,
    /// Other nodes.
    pub peer: SocketAddr,
}

/// How a node is to be started.
#[derive(Clone, Debug, Default)]
pub struct NodeOptions {
    files: Vec<(String, String)>,
    applied: Vec<String>,
    env: Vec<(String, OsString)>,
    args: Vec<String>,
    own_root_key: bool,
    data_dir: Option<PathBuf>,
    under: Vec<String>,
    invitation: Option<(SocketAddr, String)>,
}

impl NodeOptions {
    /// A node without any API.
    pub fn new() -> Self {
        Self::default()
    }

    /// A node with the API file `text`.
    pub fn api(text: impl Into<String>) -> Self {
        Self::new().apply("api.yaml", text)
    }

    /// A node that joins the cluster of which a member has this peer address. Each start of it is
    /// the same `tollgate join`, as a service would run it.
    pub fn join(member: SocketAddr, token: &str) -> Self {
        Self {
            invitation: Some((member, token.to_owned())),
            ..Self::default()
        }
    }

    /// Writes a file beside the data directory; API files name such files by relative path.
    #[must_use]
    pub fn file(mut self, name: &str, text: impl Into<String>) -> Self {
        self.files.push((name.to_owned(), text.into()));
        self
    }

    /// Writes a file and applies it at each start.
    #[must_use]
    pub fn apply(mut self, name: &str, text: impl Into<String>) -> Self {
        self.applied.push(name.to_owned());
        self.file(name, text)
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Adds an argument after `start`.
    #[must_use]
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// Gives every listener a port of its own that a restart does not move, as a balancer and other
    /// nodes need it.
    #[must_use]
    pub fn fixed_ports(mut self) -> Self {
        for listener in LISTENERS {
            // What the test says about a listener stands alone.
            if !self.args.iter().any(|arg| arg == listener) {
                self = self.arg(listener).arg(&ports::fixed().to_string());
            }
        }
        self
    }

    /// Lets the node make its own root access key, instead of the harness's.
    #[must_use]
    pub fn own_root_key(mut self) -> Self {
        self.own_root_key = true;
        self
    }

    /// Uses a data directory that another node has or had.
    #[must_use]
    pub fn data_dir(mut self, data_dir: &Path) -> Self {
        self.data_dir = Some(data_dir.to_owned());
        self
    }

    /// Starts it by another program, which is given the binary and its arguments behind these.
    #[must_use]
    pub fn under(mut self, program: &[&str]) -> Self {
        self.under = program.iter().map(|&it| it.to_owned()).collect();
        self
    }
}

/// A running node. Dropping it kills it and removes its directory.
#[derive(Debug)]
pub struct Node {
    // Declared, and so dropped, before the directory that it writes to.
    process: Process,
    addresses: Addresses,
    options: NodeOptions,
    starts: u32,
    home: TempDir,
}

impl Node {
    /// Starts a node and waits until `/readyz` says yes.
    ///
    /// # Panics
    ///
    /// If it ends or is not ready within [`DEADLINE`], with its output.
    pub fn start(options: NodeOptions) -> Self {
        Self::try_start(options).unwrap_or_else(|failed| {
            panic!(
                "the node ended with {} before it was ready:\n{}",
                failed.code, failed.stderr
            )
        })
    }

    /// Starts a node that may refuse to.
    ///
    /// # Errors
    ///
    /// How it ended and what it said, if it ended before it was ready.
    pub fn try_start(options: NodeOptions) -> Result<Self, CliOutput> {
        let home = tempfile::tempdir().expect("make a temporary directory");
        for (name, text) in &options.files {
            let path = home.path().join(name);
            let folder = path.parent().expect("a file is in a folder");
            fs::create_dir_all(folder).expect("make a folder for a test's file");
            fs::write(path, text).expect("write a test's file");
        }
        let (process, addresses) = launch(&options, home.path(), 1)?;
        Ok(Self {
            process,
            addresses,
            options,
            starts: 1,
            home,
        })
    }

    /// Where it listens now; a restart moves it, unless its ports are fixed.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The listener for the APIs' clients.
    pub fn http(&self) -> SocketAddr {
        self.addresses.http
    }

    /// The directory with its state.
    pub fn data_dir(&self) -> PathBuf {
        data_dir(&self.options, self.home.path())
    }

    /// The directory that its API files are in, and that it runs in.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Its process: output, signals, usage.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// What it costs now.
    pub fn usage(&self) -> Usage {
        self.process.usage()
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub fn stop(&mut self) -> ExitStatus {
        self.process.terminate();
        self.process.wait_exit(DEADLINE)
    }

    /// Ends it without warning (SIGKILL).
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Starts it again on the same data directory, killing it first if it runs. Its ports change,
    /// unless they are fixed.
    ///
    /// # Panics
    ///
    /// As [`Node::start`].
    pub fn restart(&mut self) {
        self.try_restart().unwrap_or_else(|failed| {
            panic!(
                "the node ended with {} on restart:\n{}",
                failed.code, failed.stderr
            )
        });
    }

    /// [`Node::restart`] of a node that may refuse.
    ///
    /// # Errors
    ///
    /// How it ended and what it said, if it ended before it was ready.
    pub fn try_restart(&mut self) -> Result<(), CliOutput> {
        if self.process.exited().is_none() {
            self.kill9();
        }
        self.starts += 1;
        let (process, addresses) = launch(&self.options, self.home.path(), self.starts)?;
        self.process = process;
        self.addresses = addresses;
        Ok(())
    }

    /// Sends a request to the APIs' listener.
    ///
    /// # Panics
    ///
    /// If no answer comes.
    pub fn send(&self, request: &Request) -> Response {
        request.send(self.addresses.http)
    }

    /// Asks the ops listener.
    pub fn ops(&self, path: &str) -> Response {
        Request::get(path).send(self.addresses.ops)
    }

    /// Scrapes `/metrics`.
    ///
    /// # Panics
    ///
    /// If the answer is not Prometheus' text format.
    pub fn metrics(&self) -> Metrics {
        let scrape = self.ops("/metrics");
        assert_eq!(scrape.status, 200, "{}", scrape.text());
        Metrics::parse(&scrape.text()).unwrap_or_else(|error| panic!("scrape: {error}"))
    }

    /// Runs `tollgate ARGS` as this node's administrator, in its home directory.
    pub fn cli(&self, args: &[&str]) -> CliOutput {
        self.administrator().cli(args)
    }

    /// Somebody who can do so while the node is killed and started again. It must keep its ports
    /// for that.
    pub fn administrator(&self) -> Administrator {
        let own_root_key = self.options.own_root_key;
        Administrator {
            home: self.home.path().to_owned(),
            data_dir: self.data_dir(),
            admin: self.addresses.admin,
            keys: (!own_root_key).then_some([ROOT_ACCESS_KEY, ROOT_SECRET_KEY]),
        }
    }
}

/// Who administers a node with the command line.
#[derive(Clone, Debug)]
pub struct Administrator {
    home: PathBuf,
    data_dir: PathBuf,
    admin: SocketAddr,
    keys: Option<[&'static str; 2]>,
}

impl Administrator {
    /// Runs `tollgate ARGS` in the node's home directory.
    pub fn cli(&self, args: &[&str]) -> CliOutput {
        let mut command = cli::bare_command();
        command
            .args(args)
            .current_dir(&self.home)
            .env("TOLLGATE_DATA_DIR", &self.data_dir)
            .env("TOLLGATE_ADMIN", self.admin.to_string());
        if let Some([access_key, secret_key]) = self.keys {
            command
                .env("TOLLGATE_ROOT_ACCESS_KEY", access_key)
                .env("TOLLGATE_ROOT_SECRET_KEY", secret_key);
        }
        cli::run(&mut command)
    }

    /// Applies an API file under a name of its own: several may do so at once.
    ///
    /// # Panics
    ///
    /// If the file cannot be written.
    pub fn apply(&self, name: &str, api: &str) -> CliOutput {
        fs::write(self.home.join(name), api).expect("write an API file");
        self.cli(&["apply", "-f", name])
    }
}

fn data_dir(options: &NodeOptions, home: &Path) -> PathBuf {
    options
        .data_dir
        .clone()
        .unwrap_or_else(|| home.join("tollgate-data"))
}

fn launch(
    options: &NodeOptions,
    home: &Path,
    start: u32,
) -> Result<(Process, Addresses), CliOutput> {
    let data_dir = data_dir(options, home);
    let mut command = cli::bare_command_under(&options.under);
    match &options.invitation {
        None => command.arg("start"),
        Some((member, token)) => command.args(["join", &member.to_string(), "--token", token]),
    };
    command.current_dir(home).arg("--data-dir").arg(&data_dir);
    for listener in LISTENERS {
        // What the test says about a listener stands alone.
        if !options.args.iter().any(|arg| arg == listener) {
            command.args([listener, "127.0.0.1:0"]);
        }
    }
    for name in &options.applied {
        command.arg("--apply").arg(home.join(name));
    }
    command.args(&options.args);
    if !options.own_root_key {
        command
            .env("TOLLGATE_ROOT_ACCESS_KEY", ROOT_ACCESS_KEY)
            .env("TOLLGATE_ROOT_SECRET_KEY", ROOT_SECRET_KEY);
    }
    command.envs(options.env.iter().map(|(name, value)| (name, value)));

    let written = data_dir.join("addresses.json");
    // A killed node leaves its old addresses behind; another process may have the ports by now.
    if options.data_dir.is_none() && written.exists() {
        fs::remove_file(&written).expect("remove the addresses of an earlier start");
    }
    // A directory that another node may hold is left alone, and what that node wrote is not ours.
    let foreign = fs::read_to_string(&written).ok();
    let mut process = Process::spawn(command, home, &format!("start-{start}"))
        .unwrap_or_else(|error| panic!("{error:#}"));
    wait_until(DEADLINE, "a node to be ready", || match process.exited() {
        Some(status) => Ok(Err(CliOutput {
            code: status.code().unwrap_or(-1),
            stdout: process.stdout(),
            stderr: process.stderr(),
        })),
        None => ready(&written, foreign.as_deref())
            .map(Ok)
            .map_err(|seen| format!("{seen}\n{}", process.tail())),
    })
    .map(|addresses| (process, addresses))
}

/// The addresses of a node that says it is ready.
fn ready(written: &Path, foreign: Option<&str>) -> Result<Addresses, String> {
    let text = fs::read_to_string(written).map_err(|error| format!("addresses.json: {error}"))?;
    if foreign == Some(text.as_str()) {
        return Err("addresses.json: only that of another node".to_owned());
    }
    let addresses = addresses(&text)?;
    let answer = Request::get("/readyz")
        .try_send(addresses.ops)
        .map_err(|error| format!("/readyz: {error}"))?;
    if answer.status == 200 {
        return Ok(addresses);
    }
    Err(format!("/readyz: {} {}", answer.status, answer.text()))
}

fn addresses(text: &str) -> Result<Addresses, String> {
    let json: Value =
        serde_json::from_str(text).map_err(|error| format!("addresses.json: {error}: {text}"))?;
    let one = |name: &str| -> Result<SocketAddr, String> {
        let value = json[name]
            .as_str()
            .ok_or_else(|| format!("addresses.json: no {name}"))?;
        value
            .parse()
            .map_err(|error| format!("addresses.json: {name} {value:?}: {error}"))
    };
    Ok(Addresses {
        http: one("http")?,
        https: one("https").ok(),
        admin: one("admin")?,
        ops: one("ops")?,
        peer: one("peer")?,
    })
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn reads_addresses_and_names_what_is_missing() {
        let text = r#"{"http":"127.0.0.1:1","admin":"127.0.0.1:2","ops":"127.0.0.1:3","peer":"127.0.0.1:4"}"#;
        let read = addresses(text).unwrap();
        assert_eq!(
            (read.http.port(), read.peer.port(), read.https),
            (1, 4, None)
        );
        assert_eq!(addresses(r#"{"http":"x"}"#).unwrap_err(), {
            r#"addresses.json: http "x": invalid socket address syntax"#
        });
        assert!(addresses("{").is_err());
    }
}
