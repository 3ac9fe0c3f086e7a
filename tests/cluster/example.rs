//! `make cluster` does what it shows.

use std::process::Command;

use tollgate_harness::{fixed_address, haproxy, prometheus, tollgate_binary, workspace_root};

#[test]
fn the_example_admits_its_quota_over_three_nodes() {
    // The script looks for both where the harness does; missing ones are named here.
    haproxy();
    prometheus();
    let output = Command::new(workspace_root().join("examples/cluster/run.sh"))
        .env("CLUSTER_ONCE", "1")
        .env("CLUSTER_BIN", tollgate_binary())
        .env("CLUSTER_PORT", fixed_address().port().to_string())
        .output()
        .expect("run the example");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    let codes = [["200"; 10].join(" "), ["429"; 4].join(" ")].join(" ");
    assert!(said.contains(&codes), "{said}");
}
