//! HAProxy before the nodes of a cluster, in the configuration that is shipped.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;
use tollgate_harness::{
    Cluster, DEADLINE, Process, Request, fixed_address, haproxy, wait_until, workspace_root,
};

/// Nodes that the shipped file names.
const SHIPPED: usize = 3;

/// A running HAProxy.
pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    _process: Process,
    _home: TempDir,
}

impl Balancer {
    /// Starts one, and waits until a node answers `probe` through it.
    pub(crate) fn start(cluster: &Cluster, probe: &Request) -> Self {
        let address = fixed_address();
        let home = tempfile::tempdir().expect("make a temporary directory");
        let shipped = workspace_root().join("examples/cluster/haproxy.cfg");
        let mut text = fs::read_to_string(shipped).expect("read the shipped configuration");
        let mut command = Command::new(haproxy());
        command.env("BALANCER", address.to_string());
        for (at, node) in cluster.nodes().iter().enumerate() {
            let (number, addresses) = (at + 1, node.addresses());
            if at >= SHIPPED {
                let server = format!(
                    "    server node{number} \"${{NODE{number}_HTTP}}\" port \"${{NODE{number}_OPS_PORT}}\"\n"
                );
                // The file ends with the list of nodes.
                text.push_str(&server);
            }
            let ops_port = addresses.ops.port().to_string();
            command.env(format!("NODE{number}_HTTP"), addresses.http.to_string());
            command.env(format!("NODE{number}_OPS_PORT"), ops_port);
        }
        let file = home.path().join("haproxy.cfg");
        fs::write(&file, text).expect("write the configuration");
        command.arg("-db").arg("-f").arg(file);
        let process = Process::spawn(command, home.path(), "haproxy").expect("start HAProxy");
        wait_until(DEADLINE, "HAProxy to answer", || {
            // It says 503 itself while it knows of no node.
            match probe.try_send(address) {
                Ok(answer) if answer.status < 500 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
        Self {
            address,
            _process: process,
            _home: home,
        }
    }
}
