//! Programs that speak the Runtime API themselves, with AWS's libraries as they are: `awslambdaric`
//! for Python, `lambda_runtime` for Rust.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use tollgate_harness::{
    Connection, DEADLINE, Node, NodeOptions, Request, python, wait_until, workspace_root,
};
use tollgate_tests::files;

#[test]
fn awss_own_python_client_is_served_unmodified() {
    let text = files::api(
        "      - {routeKey: $default, integration: 'function:ric'}
functions:
  ric: {runtime: provided, directory: code, command: ['${env.SUITE_PYTHON}', -m, awslambdaric, app.handler]}
",
    );
    let code = "def handler(event, context):
    if event['rawPath'] == '/raise':
        raise ValueError('x')
    return {'statusCode': 203, 'body': event['rawPath'] + ' ' + context.function_name}
";
    let options = NodeOptions::api(text)
        .file("code/app.py", code)
        .env("SUITE_PYTHON", python());
    let node = Node::start(options);
    let get = |target: &str| node.send(&Request::get(target).host(files::HOST));
    for turn in 0..3 {
        let response = get(&format!("/turn/{turn}"));
        let expected = format!("/turn/{turn} ric");
        assert_eq!(
            (response.status, response.text()),
            (203, expected),
            "{response:?}"
        );
    }
    assert_eq!(get("/raise").status, 500);
    assert_eq!(get("/after").status, 203);
}

/// A node with one of the programs of `code/rust` behind every path.
fn start_rust(program: &str, settings: &str) -> Node {
    let text = files::api(&format!(
        "      - {{routeKey: $default, settings: {{loggingLevel: ERROR}}, integration: 'function:rust'}}
functions:
  rust: {{runtime: provided, command: ['${{env.SUITE_PROGRAM}}']{settings}}}
"
    ));
    let options = NodeOptions::api(text);
    Node::start(options.env("SUITE_PROGRAM", built().join(program)))
}

/// The folder of the programs of `code/rust`. `make test` has built them before, so that this says
/// only that they are there; alone it builds them.
fn built() -> PathBuf {
    let root = workspace_root();
    let target = root.join("target/rust-functions");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--manifest-path"])
        .arg(root.join("tests/functions/code/rust/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .output()
        .expect("run cargo");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    target.join("debug")
}

#[test]
fn awss_own_rust_crate_is_served_unmodified() {
    let node = start_rust("square", "");
    let get = |target: &str| node.send(&Request::get(target).host(files::HOST));
    for (of, expected) in [("12", "144"), ("1.5", "2.25"), ("-3", "9")] {
        let response = get(&format!("/any?of={of}"));
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, expected),
            "{response:?}"
        );
    }
    let failed = get("/any?of=x");
    assert_eq!(failed.status, 500, "{failed:?}");
    // The reason is the function's own, and only for the log.
    assert!(!failed.text().contains("float"), "{failed:?}");
    let log = "logs/API-Gateway-Execution-Logs_main_$default.log";
    let log = node.data_dir().join(log);
    wait_until(DEADLINE, "the reason in the log", || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        if text.contains("invalid float literal") {
            Ok(())
        } else {
            Err(text)
        }
    });
    assert_eq!(get("/any").text(), "1");
}

#[test]
fn awss_own_rust_crate_streams() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("a bound address");
    let node = start_rust("pieces", &format!(", environment: {{TURNS: '{address}'}}"));
    let mut client = Connection::open(node.http()).expect("connect");
    let request = Request::get("/").host(files::HOST);
    client.send(&request.bytes()).expect("send");
    let mut turns = wait_until(DEADLINE, "the function's connection", || {
        listener.accept().map(|(turns, _)| turns)
    });
    let mut seen = Vec::new();
    for turn in 1..=3 {
        // The function writes this piece only now, and the next only after this one has come.
        write!(turns, "{turn}").expect("give a turn");
        files::read_until(&mut client, &mut seen, &format!("piece {turn}\n"));
    }
    drop(turns);
    files::read_until(&mut client, &mut seen, "\r\n0\r\n\r\n");
    let text = String::from_utf8_lossy(&seen).to_lowercase();
    assert!(text.starts_with("http/1.1 202"), "{text}");
    for header in [
        "content-type: text/plain\r\n",
        "set-cookie: a=1\r\n",
        "set-cookie: b=2\r\n",
    ] {
        assert!(text.contains(header), "no {header:?} in {text}");
    }
    let id = |name: &str| {
        let (_, rest) = text.split_once(&format!("\r\n{name}: ")).expect(name);
        rest.lines().next().map(str::to_owned)
    };
    assert_eq!(id("x-id"), id("apigw-requestid"), "{text}");
}
