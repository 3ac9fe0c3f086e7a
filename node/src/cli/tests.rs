//! Command lines in, output and exit codes out, against a real admin listener.

mod docs;
mod iam;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tollgate_config::node_config::NodeConfig;

use super::output::Output;
use super::{Launcher, run_with};
use crate::admin::tests::support::{ACCESS_KEY, Admin, SECRET_KEY};
use crate::boot::Invitation;

/// Remembers what was started.
#[derive(Default)]
struct Started(Mutex<Vec<(NodeConfig, Option<PathBuf>)>>);

impl Launcher for Started {
    fn start(&self, config: NodeConfig) -> i32 {
        self.0.lock().unwrap().push((config, None));
        7
    }

    fn join(&self, config: NodeConfig, invitation: Invitation) -> i32 {
        let address = PathBuf::from(invitation.address);
        self.0.lock().unwrap().push((config, Some(address)));
        9
    }

    fn dev(&self, config: NodeConfig, path: PathBuf) -> i32 {
        self.0.lock().unwrap().push((config, Some(path)));
        8
    }
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Text {
    fn read(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Said {
    code: i32,
    data: String,
    talk: String,
}

impl Said {
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn tollgate_with(environment: &[(&str, &str)], launcher: &Started, line: &[&str]) -> Said {
    let (data, talk) = (Text::default(), Text::default());
    let output = Output::to(
        Arc::new(Mutex::new(data.clone())),
        Arc::new(Mutex::new(talk.clone())),
    );
    let environment: BTreeMap<String, String> = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let argv = ["tollgate"].iter().chain(line).map(OsString::from);
    let code = run_with(argv, launcher, environment, output);
    Said {
        code,
        data: data.read(),
        talk: talk.read(),
    }
}

fn alone(line: &[&str]) -> Said {
    tollgate_with(&[], &Started::default(), line)
}

/// A command as the administrator of a node.
fn tollgate(admin: &Admin, line: &[&str]) -> Said {
    let address = admin.address.to_string();
    let environment = [
        ("TOLLGATE_ADMIN", &*address),
        ("TOLLGATE_ACCESS_KEY", ACCESS_KEY),
        ("TOLLGATE_SECRET_KEY", SECRET_KEY),
        ("TOLLGATE_DATA_DIR", "there-is-no-such-directory"),
    ];
    tollgate_with(&environment, &Started::default(), line)
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const SHOP: &str = "
apis:
  - name: shop
    routes:
      - {routeKey: GET /a, apiKeyRequired: true, integration: {fixedResponse: {body: a}}}
usagePlans:
  gold: {apiStages: [{api: shop}], quota: {limit: 100, period: DAY}}
";

#[test]
fn a_file_is_planned_applied_and_shown() {
    let (admin, folder) = (Admin::start(), tempfile::tempdir().unwrap());
    let shop = file(folder.path(), "shop.yaml", SHOP);
    let planned = tollgate(&admin, &["apply", "-f", &shop, "--dry-run"]);
    assert_eq!(planned.data, "+ api shop\n+ usage plan gold\n");
    assert!(planned.talk.contains("nothing was changed"), "{planned:?}");
    let applied = tollgate(&admin, &["apply", "-f", &shop]);
    assert!(applied.talk.contains("2 created") && applied.talk.contains("revision 1"));
    let again = tollgate(&admin, &["apply", "-f", &shop, "-o", "json"]).json();
    assert_eq!(again["plan"], Value::Array(Vec::new()));
    for (kind, cell) in [
        ("apis", "http://shop.execute-api.us-east-1.localhost:8080"),
        ("routes", "GET /a"),
        ("integrations", "MOCK"),
        ("stages", "$default"),
        ("deployments", "DEPLOYED"),
        ("usage-plans", "shop:$default"),
        ("functions", "hello"),
        ("upstreams", "10.0.0.1:80"),
    ] {
        let shown = tollgate(&admin, &["get", kind]);
        assert_eq!(
            (shown.code, shown.data.lines().count()),
            (0, 2),
            "{shown:?}"
        );
        assert!(shown.data.contains(cell), "{cell}: {shown:?}");
        let listed = tollgate(&admin, &["get", kind, "-o", "json"]).json();
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "{kind}");
    }
    let one = tollgate(
        &admin,
        &["get", "routes", "GET /a", "--api", "shop", "-o", "json"],
    );
    assert_eq!(one.json()["apiId"], "shop");
    let none = tollgate(&admin, &["get", "apis", "shpo"]);
    assert_eq!(none.code, 1);
    assert!(none.talk.contains("did you mean shop"), "{none:?}");
}

#[test]
fn two_files_are_one_configuration_and_may_not_contradict() {
    let (admin, folder) = (Admin::start(), tempfile::tempdir().unwrap());
    let shop = file(folder.path(), "shop.yaml", SHOP);
    let pool = file(
        folder.path(),
        "pool.yaml",
        "upstreams: {pool: {servers: [{url: http://127.0.0.1:9}]}}\n",
    );
    let both = tollgate(&admin, &["apply", "-f", &shop, "-f", &pool, "--prune"]);
    assert!(both.talk.contains("3 created"), "{both:?}");
    let other = file(folder.path(), "other.yaml", &SHOP.replace("/a", "/b"));
    let clash = tollgate(&admin, &["apply", "-f", &shop, "-f", &other]);
    assert_eq!(clash.code, 1);
    assert!(clash.talk.contains("API shop"), "{clash:?}");
    assert_eq!(admin.revision(), 1);
}

#[test]
fn a_key_is_made_used_and_revoked() {
    let (admin, folder) = (Admin::start(), tempfile::tempdir().unwrap());
    let shop = file(folder.path(), "shop.yaml", SHOP);
    assert_eq!(tollgate(&admin, &["apply", "-f", &shop]).code, 0);
    let misspelled = tollgate(&admin, &["key", "create", "acme", "--plan", "glod"]);
    assert_eq!(misspelled.code, 1);
    assert!(
        misspelled.talk.contains("did you mean gold"),
        "{misspelled:?}"
    );
    assert_eq!(admin.revision(), 1, "no key is left behind");
    let made = tollgate(&admin, &["key", "create", "acme", "--plan", "gold"]);
    assert_eq!((made.code, made.data.trim().len()), (0, 40), "{made:?}");
    assert!(!made.talk.contains(made.data.trim()));
    let value = file(folder.path(), "value", "  given-value-000000000001\n");
    let given = tollgate(&admin, &["key", "create", "second", "--value-file", &value]);
    assert_eq!(given.data, "given-value-000000000001\n");
    let listed = tollgate(&admin, &["key", "list", "-o", "json"]);
    assert_eq!(listed.json().as_array().map(Vec::len), Some(2));
    assert!(!listed.data.contains("given-value"), "{listed:?}");
    let usage = tollgate(&admin, &["usage", "acme", "-o", "json"]).json();
    assert_eq!(
        (&usage[0]["used"], &usage[0]["remaining"]),
        (&0.into(), &100.into())
    );
    let unmetered = tollgate(&admin, &["usage", "second"]);
    assert!(
        unmetered.data.is_empty() && unmetered.code == 0,
        "{unmetered:?}"
    );
    assert_eq!(tollgate(&admin, &["key", "revoke", "acme"]).code, 0);
    assert_eq!(tollgate(&admin, &["key", "revoke", "acme"]).code, 1);
    assert_eq!(
        tollgate(&admin, &["usage", "second", "--since", "yesterday"]).code,
        64
    );
}

#[test]
fn the_node_is_asked_and_told() {
    let admin = Admin::start();
    let status = tollgate(&admin, &["status", "-o", "json"]).json();
    assert_eq!(status["revision"], 0);
    let text = tollgate(&admin, &["status"]).data;
    assert!(text.contains("served revision     0"), "{text}");
    assert!(text.contains("this is node 1; node 1 leads"), "{text}");
    assert!(tollgate(&admin, &["cache", "flush"]).talk.starts_with("3 "));
    assert_eq!(
        tollgate(&admin, &["cache", "flush", "--stage", "prod"]).code,
        64
    );
    assert_eq!(tollgate(&admin, &["log-level", "debug"]).code, 0);
    let loud = tollgate(&admin, &["log-level", "loud"]);
    assert_eq!(loud.code, 1);
    assert!(loud.talk.contains("debug"), "{loud:?}");
}

#[test]
fn revisions_are_shown_compared_and_gone_back_to() {
    let admin = Admin::start();
    assert!(tollgate(&admin, &["history"]).talk.contains("nothing"));
    for name in ["acme", "other"] {
        assert_eq!(tollgate(&admin, &["key", "create", name]).code, 0);
    }
    let history = tollgate(&admin, &["history"]).data;
    let lines: Vec<&str> = history.lines().collect();
    assert!(lines[0].starts_with("REVISION  WHEN"), "{history}");
    assert!(
        lines[1].starts_with("2 ") && lines[1].contains(ACCESS_KEY),
        "{history}"
    );
    assert!(lines[2].contains("+ api key "), "{history}");
    let diff = tollgate(&admin, &["diff", "1", "2"]);
    assert!(diff.data.starts_with("+ api key "), "{diff:?}");
    let same = tollgate(&admin, &["diff", "2"]);
    assert!(same.talk.contains("nothing changed"), "{same:?}");
    let plan = tollgate(&admin, &["rollback", "1", "--dry-run"]);
    assert!(plan.talk.contains("1 to delete"), "{plan:?}");
    let done = tollgate(&admin, &["rollback", "1"]);
    assert!(done.talk.contains("serves revision 3"), "{done:?}");
    assert_eq!(tollgate(&admin, &["rollback", "77"]).code, 1);
}

#[test]
fn who_cannot_be_reached_or_refuses_has_a_code() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let nobody = alone(&["status", "--admin-url", &address, "--data-dir", "none"]);
    assert_eq!(nobody.code, 75, "{nobody:?}");
    assert!(nobody.talk.contains("TG0009") && nobody.talk.contains("tollgate start"));
    let admin = Admin::start();
    let address = admin.address.to_string();
    let stranger = alone(&["status", "--admin-url", &address, "--data-dir", "none"]);
    assert_eq!(stranger.code, 1, "{stranger:?}");
    assert!(stranger.talk.contains("TG0010"), "{stranger:?}");
    let wrong = [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", "wrong"),
    ];
    let line = [
        "get",
        "apis",
        "--admin-url",
        &address,
        "--data-dir",
        "none",
        "-o",
        "json",
    ];
    let refused = tollgate_with(&wrong, &Started::default(), &line);
    let told: Value = serde_json::from_str(&refused.talk).unwrap();
    assert_eq!(told["code"], "TG0010", "{refused:?}");
    assert!(!refused.talk.contains("wrong"), "{refused:?}");
}

#[test]
fn a_development_node_needs_no_credentials() {
    let admin = Admin::start_with(true);
    let address = admin.address.to_string();
    let line = [
        "key",
        "create",
        "acme",
        "--admin-url",
        &address,
        "--data-dir",
        "none",
    ];
    let made = alone(&line);
    assert_eq!((made.code, made.data.trim().len()), (0, 40), "{made:?}");
}

#[test]
fn the_data_directory_tells_where_the_node_is_and_who_may_ask() {
    let (admin, folder) = (Admin::start(), tempfile::tempdir().unwrap());
    let addresses = format!(r#"{{"admin":"{}"}}"#, admin.address);
    file(folder.path(), "addresses.json", &addresses);
    let key = format!(r#"{{"accessKeyId":"{ACCESS_KEY}","secretAccessKey":"{SECRET_KEY}"}}"#);
    let kept = file(folder.path(), "root-key.json", &key);
    let data_dir = folder.path().to_str().unwrap();
    // Keys for AWS itself do not stand in the way.
    let environment = [
        ("AWS_ACCESS_KEY_ID", "AKIAFORAWS"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("TOLLGATE_DATA_DIR", data_dir),
    ];
    let found = tollgate_with(&environment, &Started::default(), &["get", "apis"]);
    assert_eq!(found.code, 0, "{found:?}");
    let named = alone(&[
        "get",
        "apis",
        "--admin-url",
        &admin.address.to_string(),
        "--credentials",
        &kept,
    ]);
    assert_eq!(named.code, 0, "{named:?}");
}

#[test]
fn profiles_of_awss_tools_tell_where_the_node_is_and_who_asks() {
    let (admin, folder) = (Admin::start(), tempfile::tempdir().unwrap());
    let config = format!(
        "[profile node]\nendpoint_url = http://{}\n[profile aws]\nregion = eu-west-1\n",
        admin.address
    );
    let config = file(folder.path(), "config", &config);
    let key = format!("aws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n");
    let keys =
        format!("[node]\n{key}[aws]\naws_access_key_id=AKIAFORAWS\naws_secret_access_key=x\n");
    let keys = file(folder.path(), "credentials", &keys);
    let files = [
        ("AWS_CONFIG_FILE", config.as_str()),
        ("AWS_SHARED_CREDENTIALS_FILE", keys.as_str()),
        ("TOLLGATE_DATA_DIR", "none"),
    ];
    let get = |more: &[(&str, &str)], flags: &[&str]| {
        let environment: Vec<(&str, &str)> = files.iter().chain(more).copied().collect();
        let line: Vec<&str> = ["get", "apis"].iter().chain(flags).copied().collect();
        tollgate_with(&environment, &Started::default(), &line)
    };
    let asked = get(&[], &["--profile", "node"]);
    assert_eq!(asked.code, 0, "{asked:?}");
    let asked = get(&[("AWS_PROFILE", "node")], &[]);
    assert_eq!(asked.code, 0, "{asked:?}");
    // A profile without an address is for AWS, and so is its key.
    let address = admin.address.to_string();
    let stranger = get(&[("AWS_PROFILE", "aws")], &["--admin-url", &address]);
    assert!(stranger.talk.contains("TG0010"), "{stranger:?}");
    assert!(!stranger.talk.contains("AKIAFORAWS"), "{stranger:?}");
    let url = format!("http://{address}");
    let endpoint = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
    ];
    assert_eq!(get(&endpoint, &[]).code, 0);
    let missing = get(&[], &["--profile", "other"]);
    assert_eq!(missing.code, 64, "{missing:?}");
    assert!(missing.talk.contains("other"), "{missing:?}");
}

#[test]
fn mistakes_in_files_are_all_told_with_their_code() {
    let folder = tempfile::tempdir().unwrap();
    let broken = file(
        folder.path(),
        "b.yaml",
        "apis:\n  - {name: a, rotues: []}\nupstraems: {}\n",
    );
    let checked = alone(&["check", &broken]);
    assert_eq!(checked.code, 1);
    for word in ["TG0007", "rotues", "upstraems", "2 errors"] {
        assert!(checked.talk.contains(word), "{word}: {checked:?}");
    }
    let listed = alone(&["check", &broken, "-o", "json"]);
    let found: Value = serde_json::from_str(&listed.data).unwrap();
    assert_eq!((listed.code, found.as_array().map(Vec::len)), (1, Some(2)));
    let shop = file(folder.path(), "shop.yaml", SHOP);
    let good = alone(&["check", &shop]);
    assert!(
        good.data.ends_with(": ok (1 API, 1 route, 1 usage plan)\n"),
        "{good:?}"
    );
}

#[test]
fn a_node_is_started_with_what_flags_and_environment_say() {
    let launcher = Started::default();
    let environment = [
        ("TOLLGATE_ACCESS_KEY", "for commands only"),
        ("TOLLGATE_OPS", "127.0.0.1:7"),
        ("TOLLGATE_HTTP", "127.0.0.1:8"),
    ];
    let line = [
        "start",
        "--http",
        "127.0.0.1:9",
        "--trusted-proxies",
        "10.0.0.0/8,::1",
    ];
    let started = tollgate_with(&environment, &launcher, &line);
    assert_eq!((started.code, &*started.talk), (7, ""), "{started:?}");
    let folder = tempfile::tempdir().unwrap();
    let shop = file(folder.path(), "shop.yaml", SHOP);
    assert_eq!(tollgate_with(&[], &launcher, &["dev", &shop]).code, 8);
    let started = launcher.0.lock().unwrap();
    let (config, _) = &started[0];
    assert_eq!(config.http.unwrap().port(), 9);
    assert_eq!(config.ops.unwrap().port(), 7);
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(started[1].1, Some(PathBuf::from(shop)));
}

#[test]
fn mistakes_on_the_command_line_exit_with_64() {
    for (line, word) in [
        (&["start", "--htpp", "x"][..], "--http"),
        (&["start", "--http", "nowhere"], "nowhere"),
        (
            &["dev", "there-is-no-such-file.yaml"],
            "there-is-no-such-file.yaml",
        ),
        (&["get", "aps"], "apis"),
        (&["explain", "TG99999"], "TG99999"),
        (&["status", "--admin-url", "https://x:1"], "http://"),
        (&["frobnicate"], "frobnicate"),
        (&[], "Usage"),
    ] {
        let said = alone(line);
        assert_eq!(said.code, 64, "{line:?}: {said:?}");
        assert!(said.talk.contains(word), "{line:?}: {said:?}");
    }
}

#[test]
fn help_pages_versions_and_scripts_are_data() {
    let help = alone(&["apply", "--help"]);
    assert_eq!(help.code, 0);
    assert!(
        help.data.contains("Examples:") && help.talk.is_empty(),
        "{help:?}"
    );
    assert!(
        alone(&["--version"])
            .data
            .contains(env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(
        alone(&["version", "-o", "json"]).json()["version"],
        env!("CARGO_PKG_VERSION")
    );
    assert!(alone(&["explain", "7"]).data.starts_with("# TG0007"));
    assert!(alone(&["explain"]).data.lines().count() > 10);
    for shell in ["bash", "zsh", "fish"] {
        let script = alone(&["completions", shell]);
        assert!(script.data.contains("log-level"), "{shell}: {script:?}");
    }
}

#[test]
fn a_healthcheck_knows_two_answers() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    assert_eq!(alone(&["healthcheck", "--ops-url", &address]).code, 1);
    // The admin listener answers 403 to what is not signed: not ready.
    let admin = Admin::start();
    let address = admin.address.to_string();
    let refused = alone(&["healthcheck", "--ops-url", &address]);
    assert_eq!(refused.code, 1);
    assert!(refused.data.starts_with("not ready"), "{refused:?}");
}
