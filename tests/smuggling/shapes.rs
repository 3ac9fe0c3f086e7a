//! A hostile shape, what may come of it, and the run over a table of them.

use std::io;
use std::time::Duration;

use tollgate_harness::{Backend, Connection, Node, NodeOptions, Request};
use tollgate_tests::files;

/// A target that no shape asks for outright: a back end that receives it was smuggled to.
pub(crate) const SMUGGLED: &str = "/smuggled";

/// A node that has refused closes; one that says nothing for so long has kept the connection.
const CLOSED_WITHIN: Duration = Duration::from_secs(3);

/// What a node may do with a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Answer with one of these and close the connection; the back end sees nothing.
    Refuse(&'static [u16]),
    /// Pass exactly one request on and answer 200, or refuse with one of these and close.
    PassOrRefuse(&'static [u16]),
}

/// Raw bytes and what may come of them.
pub(crate) struct Shape {
    /// What is hostile about it.
    pub(crate) name: &'static str,
    /// What is sent.
    pub(crate) bytes: Vec<u8>,
    /// What may come of it.
    pub(crate) outcome: Outcome,
}

/// Most refusals: the request is not one.
pub(crate) const BAD: Outcome = Outcome::Refuse(&[400]);

impl Shape {
    /// `head` with `HOST` replaced by the API's host, then a request that must never get through.
    pub(crate) fn new(name: &'static str, head: &str, outcome: Outcome) -> Self {
        let head = head.replace("HOST", files::HOST);
        let tail = format!("GET {SMUGGLED} HTTP/1.1\r\nHost: {}\r\n\r\n", files::HOST);
        Self {
            name,
            bytes: [head.into_bytes(), tail.into_bytes()].concat(),
            outcome,
        }
    }
}

/// Sends every shape to one node and reports all that went wrong.
#[track_caller]
pub(crate) fn run(shapes: &[Shape]) {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let mut wrong = Vec::new();
    for shape in shapes {
        if let Err(problem) = judge(shape, &node, &backend) {
            wrong.push(format!("{}: {problem}", shape.name));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n  {}",
        wrong.len(),
        shapes.len(),
        wrong.join("\n  ")
    );
}

fn judge(shape: &Shape, node: &Node, backend: &Backend) -> Result<(), String> {
    let before = backend.requests();
    let mut connection = Connection::open(node.http()).map_err(|error| error.to_string())?;
    // A node may close before it has read everything: then the write fails, and the answer counts.
    drop(connection.send(&shape.bytes));
    let first = match connection.read_response("GET") {
        Ok(response) => response.status,
        Err(error) => return Err(format!("no answer: {error}")),
    };
    connection
        .silence_limit(CLOSED_WITHIN)
        .expect("the limit is not zero");
    let rest = match connection.read_to_close() {
        Ok(rest) => rest,
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Vec::new(),
        Err(error) => return Err(format!("{first}, then the connection stayed open: {error}")),
    };
    let passed = backend.requests() - before;
    if backend
        .received()
        .iter()
        .any(|request| request.target.contains(SMUGGLED))
    {
        return Err(format!("{first}, and the back end received {SMUGGLED}"));
    }
    match shape.outcome {
        Outcome::PassOrRefuse(_) if first == 200 && passed == 1 => {}
        Outcome::Refuse(codes) | Outcome::PassOrRefuse(codes) => {
            if !codes.contains(&first) {
                return Err(format!("answered {first}, not one of {codes:?}"));
            }
            if passed != 0 {
                return Err(format!("answered {first} and passed {passed} requests on"));
            }
            if !rest.is_empty() {
                let rest = String::from_utf8_lossy(&rest).into_owned();
                return Err(format!("answered {first} and went on: {rest:?}"));
            }
        }
    }
    let after = Request::get("/after")
        .host(files::HOST)
        .try_send(node.http());
    match after {
        Ok(response) if response.status == 200 => Ok(()),
        other => Err(format!("the next honest request got {other:?}")),
    }
}
