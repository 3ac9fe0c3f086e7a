//! When the node is killed, its processes end by themselves.

use std::process::{Command, Stdio};

use tollgate_functions::Runtime;

use crate::support::{World, until};

/// Runs a bootstrap as the node does, takes its first request for work, and is gone.
fn outlives_the_node(runtime: Runtime) {
    let world = World::new();
    let (program, bootstrap) = match runtime {
        Runtime::Python => {
            world.python("def handler(event, context): pass");
            ("python3", "bootstrap.py")
        }
        _ => {
            world.nodejs("exports.handler = async () => {};");
            ("node", "bootstrap.mjs")
        }
    };
    let node = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut child = Command::new(program)
        .arg(world.code().join("../work").join(bootstrap))
        .env(
            "AWS_LAMBDA_RUNTIME_API",
            node.local_addr().unwrap().to_string(),
        )
        .env("LAMBDA_TASK_ROOT", world.code())
        .env("_HANDLER", "app.handler")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let (mut connection, _) = node.accept().unwrap();
    let mut request = [0; 16];
    std::io::Read::read_exact(&mut connection, &mut request).unwrap();
    assert_eq!(&request, b"GET /2018-06-01/");
    assert!(child.try_wait().unwrap().is_none());
    drop((connection, node));
    let runtime = tokio::runtime::Handle::current();
    let ended = runtime.block_on(until(|| child.try_wait().unwrap(), Option::is_some));
    assert_eq!(ended.unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn bootstraps_end_when_the_connection_is_lost() {
    for runtime in [Runtime::Python, Runtime::NodeJs] {
        let handle = tokio::runtime::Handle::current();
        let run = handle.spawn_blocking(move || outlives_the_node(runtime));
        run.await.unwrap();
    }
}
