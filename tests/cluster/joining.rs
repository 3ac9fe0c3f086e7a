//! Who is let in, how fast, and who is not.

use std::time::{Duration, Instant};

use tollgate_harness::{CliOutput, Cluster, DEADLINE, Node, NodeOptions, Request, bar, wait_until};
use tollgate_tests::files;

const JOIN_MAX: Duration = Duration::from_secs(5);

fn api() -> String {
    files::api("      - {routeKey: $default, integration: {fixedResponse: {body: here}}}\n")
}

/// Tries to join with this token; how it was refused.
fn refused(cluster: &Cluster, token: &str) -> CliOutput {
    let member = cluster.nodes()[0].addresses().peer;
    match Node::try_start(NodeOptions::join(member, token)) {
        Ok(_) => panic!("{token} let a node in"),
        Err(refused) => refused,
    }
}

fn assert_code(refused: &CliOutput, why: &str) {
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("TG0014"), "{refused:?}");
    assert!(refused.stderr.contains(why), "{why}: {refused:?}");
}

#[test]
fn a_new_node_serves_in_five_seconds_and_the_same_command_starts_it_again() {
    let mut cluster = Cluster::first(&api());
    let began = Instant::now();
    let node = cluster.add();
    let took = began.elapsed();
    let call = Request::get("/").host(files::HOST);
    assert_eq!(node.send(&call).text(), "here");
    bar(
        5,
        &format!(
            "cluster: from an empty directory to serving in {} ms (at most {})",
            took.as_millis(),
            JOIN_MAX.as_millis()
        ),
    );
    assert!(took < JOIN_MAX, "{took:?}");

    // Its token is used up by now.
    assert!(node.stop().success());
    node.restart();
    assert_eq!(node.send(&call).text(), "here");
    node.kill9();
    node.restart();
    assert_eq!(node.send(&call).text(), "here");
    let members = cluster.members(0).expect("members");
    assert_eq!(members.len(), 2, "{members:?}");
}

#[test]
fn tokens_that_admit_nobody_are_refused_with_their_code() {
    let mut cluster = Cluster::first(&api());
    let used = cluster.token(0, &[]);
    let member = cluster.nodes()[0].addresses().peer;
    let admitted = Node::start(NodeOptions::join(member, &used));
    assert_code(
        &refused(&cluster, &used),
        "admitted as many nodes as it may",
    );
    drop(admitted);

    let short = cluster.token(0, &["--ttl", "1s"]);
    let made = Instant::now();
    wait_until(DEADLINE, "the token's end", || {
        let age = made.elapsed();
        (age > Duration::from_secs(2))
            .then_some(())
            .ok_or_else(|| format!("{age:?}"))
    });
    assert_code(&refused(&cluster, &short), "expired");

    // The same id and cluster with the secret of another token.
    let (one, other) = (cluster.token(0, &[]), cluster.token(0, &[]));
    let parts: Vec<&str> = one.split('.').collect();
    let secrets: Vec<&str> = other.split('.').collect();
    let mixed = [parts[0], parts[1], secrets[2], parts[3]].join(".");
    assert_code(&refused(&cluster, &mixed), "secret");

    // A token of another cluster names another key: nothing is said to a stranger.
    let stranger = Cluster::first(&api());
    let foreign = stranger.token(0, &[]);
    assert_code(&refused(&cluster, &foreign), "cannot join through");

    // None of that kept anybody out.
    cluster.add();
}

#[test]
fn a_node_that_was_removed_does_not_come_back() {
    let mut cluster = Cluster::start(3, &api());
    let leader = cluster.leader(0, None);
    let away = (leader + 1) % 3;
    wait_until(DEADLINE, "that it knows the voters", || {
        let members = cluster.members(away)?;
        let votes = |role: &str| ["leader", "voter"].contains(&role);
        let voters = members.iter().filter(|it| votes(&it.role)).count();
        (voters == 3)
            .then_some(())
            .ok_or_else(|| format!("{members:?}"))
    });
    cluster.node(away).kill9();
    let removed = cluster.nodes()[leader].cli(&["remove", &(away + 1).to_string()]);
    assert_eq!(removed.code, 0, "{removed:?}");
    let back = cluster.node(away).try_restart();
    let refused = match back {
        Err(refused) => refused,
        Ok(()) => {
            // It serves what it knew until it is heard, and then hears that it is out.
            let node = cluster.node(away);
            let exit = node.process().wait_exit(DEADLINE);
            CliOutput {
                code: exit.code().unwrap_or(-1),
                stdout: node.process().stdout(),
                stderr: node.process().stderr(),
            }
        }
    };
    assert!(refused.stderr.contains("TG0016"), "{refused:?}");
    let again = cluster
        .node(away)
        .try_restart()
        .expect_err("it is out for ever");
    assert!(again.stderr.contains("TG0016"), "{again:?}");
}

/// The one voter that it knew could itself have been removed since.
#[test]
fn a_node_that_was_removed_while_it_was_away_does_not_end_on_one_node_s_word() {
    let mut cluster = Cluster::start(2, &api());
    cluster.node(1).kill9();
    let removed = cluster.nodes()[0].cli(&["remove", "2"]);
    assert_eq!(removed.code, 0, "{removed:?}");
    let node = cluster.node(1);
    node.restart();
    wait_until(DEADLINE, "the warning", || {
        let said = node.process().stderr();
        let warned = said.contains("TG0016") && said.contains("too few to be certain");
        warned.then_some(()).ok_or(said)
    });
    let call = Request::get("/").host(files::HOST);
    assert_eq!(node.send(&call).text(), "here");
    assert_eq!(node.process().exited(), None);
}
