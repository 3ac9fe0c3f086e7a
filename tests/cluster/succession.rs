//! A gateway goes on after disasters: from a backup that was taken under load, and from the one node
//! that is left. No quota is exceeded by either.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tollgate_harness::{
    CliOutput, Cluster, Connection, DEADLINE, Node, NodeOptions, Request, tollgate, wait_until,
};
use tollgate_tests::files;

use crate::oracle::Oracle;

const LIMIT: u64 = 1_000;
/// Far from the limit, and more than one lease.
const USED: u64 = 150;
/// A key whose plan has no quota.
const FREE_KEY: &str = "customer-key-without-any-quota-001";
const TAKES: Duration = Duration::ZERO;

fn api(url: &str) -> String {
    let text = files::with_quota(url, LIMIT);
    let plan = format!(
        "  free: {{apiStages: [{{api: {}}}]}}\napiKeys:\n",
        files::API
    );
    let key = format!("  - {{name: free, value: {FREE_KEY}, usagePlans: [free]}}\n");
    text.replace("apiKeys:\n", &(plan + &key))
}

fn request(key: &str) -> Request {
    Request::get("/x")
        .host(files::HOST)
        .header("x-api-key", key)
}

fn status(node: SocketAddr, key: &str) -> u16 {
    request(key).send(node).status
}

fn wait_status(node: SocketAddr, key: &str, wanted: u16) {
    wait_until(DEADLINE, "a status", || match status(node, key) {
        found if found == wanted => Ok(()),
        found => Err(found),
    });
}

/// Makes a key without a quota; its value, once it is acknowledged.
fn make_key(node: &Node, name: &str) -> String {
    let args = ["key", "create", name, "--plan", "free", "-o", "json"];
    let made = node.cli(&args).json();
    made["value"].as_str().expect("its value").to_owned()
}

/// Asks until a key is refused; how often it was served.
fn until_refused(node: SocketAddr, key: &str) -> u64 {
    let mut connection = Connection::open(node).expect("connect");
    let mut served = 0;
    loop {
        match connection.request(&request(key)).expect("an answer").status {
            200 => served += 1,
            429 => return served,
            other => panic!("{other} after {served}"),
        }
        assert!(served <= LIMIT, "no end");
    }
}

fn restore(backup: &Path, dir: &Path, quotas: &str) -> CliOutput {
    let (backup, dir) = (backup.to_string_lossy(), dir.to_string_lossy());
    let args = ["restore", &*backup, "--data-dir", &*dir];
    tollgate([&args[..], &["--quotas", quotas, "-o", "json"]].concat())
}

/// One backup from each node, one after the other, while clients ask all of them; with each a key
/// that another node acknowledged just before.
fn back_up_under_load(cluster: &Cluster, folder: &Path) -> Vec<String> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for node in cluster.nodes() {
            let (over, address) = (&over, node.http());
            scope.spawn(move || {
                // However fast they ask, the three leave some of the quota.
                let mut left = LIMIT / 5;
                while !over.load(Ordering::SeqCst) {
                    assert_eq!(status(address, FREE_KEY), 200);
                    if left > 0 {
                        assert!([200, 429].contains(&status(address, files::KEY)));
                        left -= 1;
                    }
                }
            });
        }
        let made = (0..3).map(|at| {
            let key = make_key(&cluster.nodes()[(at + 1) % 3], &format!("before-{at}"));
            let file = folder.join(format!("{at}.tgb"));
            let file = file.to_string_lossy();
            let taken = cluster.nodes()[at].cli(&["backup", &*file, "-o", "json"]);
            assert_eq!(taken.code, 0, "{taken:?}");
            assert_eq!(taken.json()["agreed"], true);
            key
        });
        let made = made.collect();
        over.store(true, Ordering::SeqCst);
        made
    })
}

#[test]
fn a_backup_under_load_is_served_elsewhere_and_exceeds_no_quota() {
    let oracle = Oracle::start(TAKES);
    let mut cluster = Cluster::start(3, &api(&oracle.url()));
    let folder = tempfile::tempdir().expect("make a temporary directory");
    let keys = back_up_under_load(&cluster, folder.path());
    for (at, made) in keys.iter().enumerate() {
        let file = folder.path().join(format!("{at}.tgb"));
        let mode = fs::metadata(&file)
            .expect("the backup")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let dir = folder.path().join(format!("restored-{at}"));
        let restored = restore(&file, &dir, "exhausted");
        assert_eq!(restored.code, 0, "{restored:?}");
        let node = Node::start(NodeOptions::new().data_dir(&dir));
        assert_eq!(status(node.http(), FREE_KEY), 200);
        assert_eq!(status(node.http(), made), 200, "a key of before the backup");
        assert_eq!(status(node.http(), "nobody-has-this-key-00001"), 403);
        assert_eq!(
            status(node.http(), files::KEY),
            429,
            "what is left is not known"
        );
        // It changes like any cluster.
        let new = make_key(&node, "after");
        assert_eq!(status(node.http(), &new), 200);
        let occupied = restore(&file, &dir, "exhausted");
        assert!(occupied.stderr.contains("TG0019"), "{occupied:?}");
    }
    // Quiet, a backup knows everything: what is left is admitted, and not one request more.
    let before = oracle.served(files::KEY);
    assert!(before > 0 && before < LIMIT, "{before}");
    let last = folder.path().join("last.tgb");
    let taken = cluster.nodes()[0].cli(&["backup", &*last.to_string_lossy()]);
    assert_eq!(taken.code, 0, "{taken:?}");
    cluster.kill9_all();
    let dir = folder.path().join("restored-last");
    assert_eq!(restore(&last, &dir, "as-known").code, 0);
    let node = Node::start(NodeOptions::new().data_dir(&dir));
    let more = until_refused(node.http(), files::KEY);
    assert!(more > 0 && before + more <= LIMIT, "{before} and {more}");
    assert_eq!(oracle.served(files::KEY), before + more);
}

#[test]
fn a_backup_without_a_majority_has_what_the_node_knows_and_says_so() {
    let oracle = Oracle::start(TAKES);
    let mut cluster = Cluster::start(3, &api(&oracle.url()));
    let folder = tempfile::tempdir().expect("make a temporary directory");
    let file = folder.path().join("alone.tgb");
    let left = (cluster.leader(0, None) + 1) % 3;
    let known = make_key(&cluster.nodes()[left], "known");
    for (at, node) in cluster.nodes_mut().iter_mut().enumerate() {
        if at != left {
            node.process().freeze();
        }
    }
    let taken = cluster.nodes()[left].cli(&["backup", &*file.to_string_lossy(), "-o", "json"]);
    assert_eq!(taken.code, 0, "{taken:?}");
    assert_eq!(taken.json()["agreed"], false);
    assert!(taken.stderr.contains("no majority"), "{taken:?}");
    let dir = folder.path().join("restored");
    assert_eq!(restore(&file, &dir, "exhausted").code, 0);
    let node = Node::start(NodeOptions::new().data_dir(&dir));
    assert_eq!(status(node.http(), &known), 200);
}

#[test]
fn what_is_no_backup_is_refused_with_its_code_and_nothing_is_written() {
    let node = Node::start(NodeOptions::api(api("http://127.0.0.1:9")));
    let folder = tempfile::tempdir().expect("make a temporary directory");
    let good = folder.path().join("good.tgb");
    let taken = node.cli(&["backup", &*good.to_string_lossy()]);
    assert_eq!(taken.code, 0, "{taken:?}");
    let bytes = fs::read(&good).expect("the backup");
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 4;
    let cases = [
        ("cut", &bytes[..bytes.len() - 9], "ends too early"),
        ("flipped", &flipped, "damaged"),
        (
            "foreign",
            &b"apis: []\nusagePlans: {}\n"[..],
            "not a backup",
        ),
    ];
    for (name, bytes, why) in cases {
        let file = folder.path().join(name);
        fs::write(&file, bytes).expect("write a file");
        let dir = folder.path().join("new");
        let refused = restore(&file, &dir, "exhausted");
        assert_eq!(refused.code, 1, "{refused:?}");
        let told = refused.stderr.contains("TG0018") && refused.stderr.contains(why);
        assert!(told, "{name}: {refused:?}");
        assert!(!dir.exists(), "{name}");
    }
}

/// Kills all but one for ever and recovers that one; what the command said.
fn lose_majority(cluster: &mut Cluster, left: usize, quotas: &str) -> CliOutput {
    cluster.kill9_all();
    let node = cluster.node(left);
    let dir = node.data_dir();
    let dir = dir.to_string_lossy();
    let recovered = tollgate([
        "recover",
        "--data-dir",
        &*dir,
        "--quotas",
        quotas,
        "-o",
        "json",
    ]);
    assert_eq!(recovered.code, 0, "{recovered:?}");
    node.restart();
    recovered
}

/// The nodes that belong to the cluster, as one of them sees it.
fn belonging(cluster: &Cluster, at: usize) -> Vec<u64> {
    let members = cluster.members(at).expect("members");
    let members = members.iter().filter(|it| it.role != "removed");
    members.map(|it| it.id).collect()
}

#[test]
fn one_of_three_goes_on_when_two_are_lost_and_old_nodes_stay_out() {
    let oracle = Oracle::start(TAKES);
    let mut cluster = Cluster::start(3, &api(&oracle.url()));
    for turn in 0..USED as usize {
        let node = cluster.nodes()[turn % 3].http();
        assert_eq!(status(node, files::KEY), 200);
    }
    let left = (cluster.leader(0, None) + 1) % 3;
    let lost = (left + 1) % 3;
    let refused = tollgate([
        "recover",
        "--data-dir",
        &*cluster.nodes()[left].data_dir().to_string_lossy(),
    ]);
    assert!(refused.stderr.contains("TG0002"), "it runs: {refused:?}");
    let recovered = lose_majority(&mut cluster, left, "exhausted").json();
    let id = left as u64 + 1;
    assert_eq!(recovered["nodeId"], id, "{recovered}");
    assert_eq!(belonging(&cluster, left), [id]);
    let survivor = cluster.nodes()[left].http();
    assert_eq!(status(survivor, FREE_KEY), 200);
    assert_eq!(status(survivor, files::KEY), 429);
    assert_eq!(oracle.served(files::KEY), USED);
    let late = make_key(&cluster.nodes()[left], "late");
    wait_status(survivor, &late, 200);

    // A lost node comes back after all: it is a stranger to the new cluster.
    cluster.node(lost).restart();
    let member = cluster.nodes()[left].addresses().peer;
    let token = cluster.token(left, &["--uses", "2"]);
    let new: Vec<Node> = (0..2)
        .map(|_| Node::start(NodeOptions::join(member, &token)))
        .collect();
    wait_until(DEADLINE, "three voters", || {
        let members = cluster.members(left)?;
        let votes = |role: &str| ["leader", "voter"].contains(&role);
        let voters = members.iter().filter(|it| votes(&it.role)).count();
        if voters == 3 {
            Ok(())
        } else {
            Err(format!("{members:?}"))
        }
    });
    assert_eq!(belonging(&cluster, left), [id, 4, 5]);
    for node in &new {
        wait_status(node.http(), &late, 200);
        assert_eq!(status(node.http(), files::KEY), 429);
    }
    assert_eq!(status(cluster.nodes()[lost].http(), &late), 403);
    // The two new nodes are a majority without the one that was left.
    cluster.node(left).kill9();
    let made = wait_until(DEADLINE, "a change without it", || {
        let args = ["key", "create", "last", "--plan", "free", "-o", "json"];
        let made = new[0].cli(&args);
        if made.code == 0 {
            Ok(made)
        } else {
            Err(made.stderr)
        }
    });
    let last = made.json()["value"].as_str().expect("its value").to_owned();
    wait_status(new[1].http(), &last, 200);
    assert_eq!(oracle.served(files::KEY), USED);
}

#[test]
fn what_lost_nodes_held_counts_as_spent() {
    let oracle = Oracle::start(TAKES);
    let mut cluster = Cluster::start(3, &api(&oracle.url()));
    for turn in 0..USED as usize {
        let node = cluster.nodes()[turn % 3].http();
        assert_eq!(status(node, files::KEY), 200);
    }
    let left = (cluster.leader(0, None) + 1) % 3;
    // What was granted is in the log of the one that is left, once it has applied what all have.
    make_key(&cluster.nodes()[left], "barrier");
    lose_majority(&mut cluster, left, "as-known");
    let more = until_refused(cluster.nodes()[left].http(), files::KEY);
    let all = USED + more;
    assert_eq!(oracle.served(files::KEY), all);
    assert!(more > 0 && all <= LIMIT, "{all}");
    // Each of the dead held at most a share of a twentieth.
    let stranded = LIMIT - all;
    assert!(stranded <= LIMIT / 20, "{stranded}");
}
