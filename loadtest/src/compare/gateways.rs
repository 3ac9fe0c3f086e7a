//! Starts what is compared: the back end, and in front of it one process per gateway and scenario.
//!
//! The configurations are the files under `loadtest/peers`, which work by hand as they stand; here
//! only their addresses are replaced.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use tempfile::TempDir;

use super::process::{Process, Program};
use crate::generator::connection::Dialer;
use crate::generator::probe;
use crate::limits::READY_TIMEOUT;
use crate::request::Request;
use crate::stop::Stop;

const BACK_END_CONF: &str = include_str!("../../peers/backend.conf");
const NGINX_CONF: &str = include_str!("../../peers/nginx.conf");
const TOLLGATE_YAML: &str = include_str!("../../peers/tollgate.yaml");

/// What the back end answers; see `loadtest/peers/backend.conf`.
const BODY: &str = r#"{"message":"hello from the back end","number":1234567890}"#;
/// The addresses that stand in the configurations.
const BACK_END_PLACE: &str = "127.0.0.1:9000";
const NGINX_PLACE: &str = "127.0.0.1:8080";
/// The API key that stands in `loadtest/peers/tollgate.yaml`.
const API_KEY: &str = "benchmark-key-000000000000000001";
/// How often to try another port when somebody else took the free one in between.
const PORT_ATTEMPTS: u32 = 5;
const POLL: Duration = Duration::from_millis(20);
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// What stands between generator and back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    /// Nothing: the bound of generator and back end themselves.
    Direct,
    /// nginx.
    Nginx,
    /// Tollgate.
    Tollgate,
}

/// What the gateway has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Scenario {
    /// Pass everything on.
    Plain,
    /// Check an API key, throttle and quota, count metrics by route, write an access log.
    Keyed,
}

impl Peer {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Tollgate => "tollgate",
        }
    }
}

impl Scenario {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Keyed => "keyed",
        }
    }
}

/// Which programs to start, and where to run them.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The nginx executable.
    pub nginx: PathBuf,
    /// The tollgate executable.
    pub tollgate: PathBuf,
    /// Processors of the gateways, as taskset(1) takes them.
    pub gateway_cpus: Option<String>,
    /// Processors of the back end.
    pub back_end_cpus: Option<String>,
}

/// One gateway in one scenario, answering.
#[derive(Debug)]
pub struct Gateway {
    /// What it has to do.
    pub scenario: Scenario,
    /// What it is.
    pub peer: Peer,
    /// Where it listens.
    pub dialer: Dialer,
    /// What to send to it.
    pub request: Request,
    process: Option<Process>,
    /// The process whose cost is read, with its descendants.
    pub cost_of: u32,
}

impl Gateway {
    /// Passes while its process runs.
    ///
    /// # Errors
    /// With the process's last words, when it has ended.
    pub fn ensure_running(&self) -> anyhow::Result<()> {
        self.process
            .as_ref()
            .map_or(Ok(()), Process::ensure_running)
    }

    /// The end of what its process wrote.
    pub fn last_words(&self) -> String {
        self.process
            .as_ref()
            .map(Process::last_words)
            .unwrap_or_default()
    }
}

/// Everything that was started. Fields drop in order: gateways end before the back end, and the
/// folder goes when nobody writes into it any more.
#[derive(Debug)]
pub struct Bench {
    /// The gateways, in the order of the tables.
    pub gateways: Vec<Gateway>,
    _back_end: Process,
    _folder: TempDir,
}

/// Starts the back end and all gateways for `scenarios` and `peers`, and waits until each answers
/// with the back end's body. nginx and the back end alone only do the plain scenario. Everything
/// that the processes write goes below `folder` and is deleted at the end.
///
/// # Errors
/// If a program cannot be started or does not answer as it should within [`READY_TIMEOUT`].
pub fn start(
    programs: &Programs,
    folder: &Path,
    scenarios: &[Scenario],
    peers: &[Peer],
    stop: &Stop,
) -> anyhow::Result<Bench> {
    let folder = tempfile::Builder::new()
        .prefix("tollgate-loadtest-")
        .tempdir_in(folder)
        .context("cannot create a folder for the processes")?;
    let starter = Starter {
        programs,
        folder: folder.path(),
        stop,
    };
    let (back_end, address) = starter.nginx(
        "back-end",
        BACK_END_CONF,
        BACK_END_PLACE,
        &[],
        &programs.back_end_cpus,
    )?;
    let mut gateways = Vec::new();
    for &scenario in scenarios {
        for &peer in peers {
            if scenario == Scenario::Plain || peer == Peer::Tollgate {
                gateways.push(starter.gateway(scenario, peer, address, &back_end)?);
            }
        }
    }
    ensure!(
        !gateways.is_empty(),
        "none of the peers does any of the scenarios"
    );
    Ok(Bench {
        gateways,
        _back_end: back_end,
        _folder: folder,
    })
}

struct Starter<'a> {
    programs: &'a Programs,
    folder: &'a Path,
    stop: &'a Stop,
}

impl Starter<'_> {
    fn gateway(
        &self,
        scenario: Scenario,
        peer: Peer,
        back_end: SocketAddr,
        back_end_process: &Process,
    ) -> anyhow::Result<Gateway> {
        let cpus = &self.programs.gateway_cpus;
        let (process, address) = match peer {
            Peer::Direct => (None, back_end),
            Peer::Nginx => {
                let places = [(BACK_END_PLACE, back_end)];
                let (process, address) =
                    self.nginx("nginx", NGINX_CONF, NGINX_PLACE, &places, cpus)?;
                (Some(process), address)
            }
            Peer::Tollgate => {
                let (process, address) = self.tollgate(scenario, back_end)?;
                (Some(process), address)
            }
        };
        let (dialer, request) = request(scenario, peer, address)?;
        let cost_of = process.as_ref().unwrap_or(back_end_process).id();
        let gateway = Gateway {
            scenario,
            peer,
            dialer,
            request,
            process,
            cost_of,
        };
        let what = format!("{} to answer {}", peer.name(), scenario.name());
        self.wait(&what, || {
            gateway.ensure_running()?;
            Ok(seen(&gateway.dialer, &gateway.request))
        })?;
        Ok(gateway)
    }

    /// Starts nginx with `template` on a free port in place of `own_place`.
    fn nginx(
        &self,
        name: &str,
        template: &str,
        own_place: &str,
        places: &[(&str, SocketAddr)],
        cpus: &Option<String>,
    ) -> anyhow::Result<(Process, SocketAddr)> {
        let home = self.home(name)?;
        let mut attempt = 1;
        loop {
            let address = free_port()?;
            let mut text = replace(template, own_place, address)?;
            for (place, address) in places {
                text = replace(&text, place, *address)?;
            }
            fs::write(home.join("nginx.conf"), text).context("cannot write nginx.conf")?;
            let arguments = [
                "-p".into(),
                home.as_os_str().into(),
                "-c".into(),
                "nginx.conf".into(),
            ];
            let program = Program {
                name: name.to_owned(),
                path: self.programs.nginx.clone(),
                arguments: arguments.to_vec(),
                environment: Vec::new(),
                cpus: cpus.clone(),
            };
            let process = Process::start(&program, self.folder)?;
            let listening = self.wait(&format!("{name} to listen"), || {
                process.ensure_running()?;
                let seen = std::net::TcpStream::connect_timeout(&address, PROBE_TIMEOUT);
                Ok(seen.map(drop).map_err(|error| error.to_string()))
            });
            match listening {
                Ok(()) => return Ok((process, address)),
                Err(_) if attempt < PORT_ATTEMPTS && port_was_taken(&process) => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn tollgate(
        &self,
        scenario: Scenario,
        back_end: SocketAddr,
    ) -> anyhow::Result<(Process, SocketAddr)> {
        let name = format!("tollgate-{}", scenario.name());
        let home = self.home(&name)?;
        let file = home.join("tollgate.yaml");
        fs::write(&file, replace(TOLLGATE_YAML, BACK_END_PLACE, back_end)?)
            .context("cannot write tollgate.yaml")?;
        let data = home.join("data");
        let mut arguments = vec!["start".into(), "--data-dir".into(), data.clone().into()];
        for listener in ["--http", "--admin", "--ops", "--peer"] {
            arguments.extend([listener.into(), "127.0.0.1:0".into()]);
        }
        arguments.extend(["--apply".into(), file.into()]);
        let program = Program {
            name,
            path: self.programs.tollgate.clone(),
            arguments,
            environment: vec![("TOLLGATE_WORKERS", "1")],
            cpus: self.programs.gateway_cpus.clone(),
        };
        let process = Process::start(&program, self.folder)?;
        let mut address = None;
        self.wait("tollgate to write its addresses", || {
            process.ensure_running()?;
            let found = http_address(&data.join("addresses.json"));
            Ok(found.map(|found| address = Some(found)))
        })?;
        Ok((process, address.context("tollgate has no address")?))
    }

    fn home(&self, name: &str) -> anyhow::Result<PathBuf> {
        let home = self.folder.join(name);
        fs::create_dir_all(&home).context("cannot create a folder for a process")?;
        Ok(home)
    }

    /// Polls until `look` finds what it looks for; what it saw last is in the error.
    fn wait(
        &self,
        what: &str,
        mut look: impl FnMut() -> anyhow::Result<Result<(), String>>,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_TIMEOUT;
        loop {
            let Err(seen) = look()? else { return Ok(()) };
            if self.stop.is_stopped() {
                bail!("interrupted");
            }
            if Instant::now() > deadline {
                bail!(
                    "waited {} s for {what}; seen last: {seen}",
                    READY_TIMEOUT.as_secs()
                );
            }
            thread::sleep(POLL);
        }
    }
}

/// The request of a scenario, the same path for all.
fn request(
    scenario: Scenario,
    peer: Peer,
    address: SocketAddr,
) -> anyhow::Result<(Dialer, Request)> {
    let target = format!("http://{address}/items/42").parse()?;
    let mut headers = vec!["Accept: application/json".to_owned()];
    if peer == Peer::Tollgate {
        headers.push(format!(
            "Host: {}.execute-api.us-east-1.localhost",
            scenario.name()
        ));
    }
    if scenario == Scenario::Keyed {
        headers.push(format!("x-api-key: {API_KEY}"));
    }
    let request = Request::new(&target, "GET", &headers, b"")?;
    Ok((Dialer { target, tls: None }, request))
}

/// `Ok` when the answer is the back end's.
fn seen(dialer: &Dialer, request: &Request) -> Result<(), String> {
    let (answer, body) =
        probe(dialer, request, PROBE_TIMEOUT).map_err(|kind| kind.name().to_owned())?;
    if answer.status == 200 && body == BODY.as_bytes() {
        return Ok(());
    }
    Err(format!(
        "status {}: {}",
        answer.status,
        String::from_utf8_lossy(&body)
    ))
}

fn replace(text: &str, place: &str, address: SocketAddr) -> anyhow::Result<String> {
    ensure!(
        text.contains(place),
        "the configuration does not name {place}"
    );
    Ok(text.replace(place, &address.to_string()))
}

fn free_port() -> anyhow::Result<SocketAddr> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot find a free port")?;
    listener.local_addr().context("cannot find a free port")
}

fn port_was_taken(process: &Process) -> bool {
    process.last_words().contains("Address already in use")
}

/// The address of the HTTP listener in a node's `addresses.json`.
fn http_address(file: &Path) -> Result<SocketAddr, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("addresses.json: {error}"))?;
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("addresses.json: {error}"))?;
    let address = json["http"]
        .as_str()
        .and_then(|address| address.parse().ok());
    address.ok_or_else(|| format!("addresses.json: no address for http: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configurations_name_what_is_replaced() {
        let address: SocketAddr = "127.0.0.1:1234".parse().unwrap();
        for (text, place) in [
            (BACK_END_CONF, BACK_END_PLACE),
            (NGINX_CONF, BACK_END_PLACE),
            (NGINX_CONF, NGINX_PLACE),
            (TOLLGATE_YAML, BACK_END_PLACE),
        ] {
            assert!(
                replace(text, place, address)
                    .unwrap()
                    .contains("127.0.0.1:1234")
            );
        }
        assert!(replace("nothing", NGINX_PLACE, address).is_err());
        assert!(BACK_END_CONF.contains(BODY) && BODY.len() == 57);
        assert!(TOLLGATE_YAML.contains(API_KEY));
    }

    #[test]
    fn addresses_are_read_or_it_is_said_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("addresses.json");
        assert!(http_address(&file).is_err());
        fs::write(&file, r#"{"http":"127.0.0.1:80"#).unwrap();
        assert!(http_address(&file).is_err(), "half written");
        fs::write(&file, r#"{"http":"127.0.0.1:80","ops":"127.0.0.1:81"}"#).unwrap();
        assert_eq!(http_address(&file), Ok("127.0.0.1:80".parse().unwrap()));
    }

    #[test]
    fn a_scenario_decides_host_and_key() {
        let address = "127.0.0.1:1".parse().unwrap();
        let text = |scenario, peer| {
            let (_, request) = request(scenario, peer, address).unwrap();
            String::from_utf8(request.bytes().to_vec()).unwrap()
        };
        assert!(text(Scenario::Plain, Peer::Nginx).contains("\r\nHost: 127.0.0.1:1\r\n"));
        let keyed = text(Scenario::Keyed, Peer::Tollgate);
        assert!(keyed.contains("Host: keyed.execute-api.us-east-1.localhost\r\n"));
        assert!(keyed.contains("x-api-key: benchmark-key"));
    }
}
