//! Nodes that leave and nodes that are removed are gone for ever, and nobody misses them.

use tollgate_harness::{Cluster, DEADLINE, wait_until};
use tollgate_tests::files;

fn api(body: &str) -> String {
    files::api(&format!(
        "      - {{routeKey: $default, integration: {{fixedResponse: {{body: {body}}}}}}}\n"
    ))
}

fn role(cluster: &Cluster, at: usize, id: u64) -> Result<String, String> {
    let members = cluster.members(at)?;
    let found = members.into_iter().find(|it| it.id == id);
    Ok(found.map_or_else(|| "unknown".to_owned(), |it| it.role))
}

#[test]
fn the_leader_leaves_and_the_others_go_on_without_it() {
    let mut cluster = Cluster::start(3, &api("one"));
    let leader = cluster.leader(0, None);
    let other = (leader + 1) % 3;
    let scraped = cluster.nodes()[other].ops("/metrics").text();
    assert!(
        scraped.contains("tollgate_cluster_has_leader 1"),
        "{scraped}"
    );
    let status = cluster.nodes()[other].cli(&["status", "-o", "json"]).json();
    let nodes = status["cluster"]["nodes"].as_array().expect("nodes");
    assert_eq!(nodes.len(), 3, "{status}");
    assert!(nodes.iter().all(|it| it["answers"] == true), "{status}");
    let left = cluster.nodes()[leader].cli(&["leave"]);
    assert_eq!(left.code, 0, "{left:?}");
    let exit = cluster.node(leader).process().wait_exit(DEADLINE);
    let said = cluster.node(leader).process().stderr();
    assert_eq!(exit.code(), Some(0), "{said}");
    let id = leader as u64 + 1;
    wait_until(DEADLINE, "the removal", || {
        let role = role(&cluster, other, id)?;
        (role == "removed").then_some(()).ok_or(role)
    });
    let applied = cluster.apply(other, &api("two"));
    assert_eq!(applied.code, 0, "{applied:?}");
    let again = cluster.node(leader).try_restart().expect_err("it left");
    assert!(again.stderr.contains("TG0016"), "{again:?}");
}

#[test]
fn a_removed_node_that_runs_stops_itself_and_the_last_node_stays() {
    let mut cluster = Cluster::start(2, &api("one"));
    let removed = cluster.nodes()[0].cli(&["remove", "2"]);
    assert_eq!(removed.code, 0, "{removed:?}");
    let exit = cluster.node(1).process().wait_exit(DEADLINE);
    let said = cluster.node(1).process().stderr();
    assert_eq!(exit.code(), Some(1), "{said}");
    assert!(said.contains("TG0016"), "{said}");
    let again = cluster.node(1).try_restart().expect_err("it was removed");
    assert!(again.stderr.contains("TG0016"), "{again:?}");
    let last = cluster.nodes()[0].cli(&["leave"]);
    assert_eq!(last.code, 1, "{last:?}");
    assert!(
        last.stderr.contains("the last node cannot leave"),
        "{last:?}"
    );
    assert_eq!(cluster.apply(0, &api("two")).code, 0);
}
