//! Backups that are whole and those that are not, and directories that go on as a new cluster.

use std::path::Path;
use std::sync::Arc;

use tollgate_model::{ApiKey, Change};
use tollgate_protocol::codec;
use tollgate_state::{Addresses, Command, ProposalId, Quotas, Reply, State};
use tollgate_store::Identity;

use super::hub::{NOON, Script};
use super::links::{listen, open, stop, up};
use crate::backup::{self, Arriving, BackupError, Head};
use crate::succession::{SuccessionError, recover, restore};
use crate::{ClusterKey, Door, Opened};

fn put_key(id: &str) -> Command {
    let key = ApiKey {
        id: id.into(),
        value: id.repeat(20),
        ..ApiKey::default()
    };
    let changes = serde_json::to_vec(&[Change::PutApiKey(Arc::new(key))]).unwrap();
    Command::Configure {
        expected: None,
        rests_on: None,
        changes,
        who: "root".into(),
    }
}

async fn configure(door: &Door, id: &str) {
    let reply = door.propose(ProposalId::default(), put_key(id)).await;
    assert!(matches!(reply, Ok(Reply::Configured(_))), "{reply:?}");
}

/// Starts the node of a directory, or a first one.
async fn start(dir: &Path, clock: &Arc<Script>) -> Opened {
    let (listener, at) = listen();
    let id = crate::new_cluster_id();
    let opened = open(dir, clock, Identity::first(id, NOON), listener);
    up(&opened, at).await;
    opened
}

fn keys(door: &Door) -> Vec<String> {
    door.read(|state| {
        let ids = state.model.api_keys.keys();
        ids.map(ToString::to_string).collect()
    })
}

async fn bytes(door: &Door) -> Vec<u8> {
    let parts = door.backup("0.1.0", NOON).await;
    assert!(parts.head().agreed);
    parts.map(Result::unwrap).collect::<Vec<_>>().concat()
}

fn arrive(bytes: &[u8], pieces: usize) -> Result<Head, BackupError> {
    let mut arriving = Arriving::default();
    for piece in bytes.chunks(pieces) {
        arriving.take(piece)?;
    }
    arriving.finish()
}

#[tokio::test]
async fn what_was_backed_up_is_served_by_another_cluster() {
    let clock = Arc::new(Script(NOON.0.into()));
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = start(one.path(), &clock).await;
    for n in 0..20 {
        configure(&first.door, &format!("key{n}")).await;
    }
    let backup = bytes(&first.door).await;
    configure(&first.door, "late").await;
    let (head, state) = backup::read(backup.as_slice()).unwrap();
    for pieces in [1, 11, 1 << 20] {
        assert_eq!(arrive(&backup, pieces).unwrap(), head);
    }
    assert_eq!((head.revision, head.index), (20, state.index));

    let occupied = restore(one.path(), state.clone(), Quotas::Exhausted, NOON, None);
    assert!(
        matches!(occupied, Err(SuccessionError::Occupied(_))),
        "{occupied:?}"
    );
    let cluster = restore(two.path(), state, Quotas::Exhausted, NOON, None).unwrap();
    let second = start(two.path(), &clock).await;
    assert_eq!(second.identity.cluster_id, cluster);
    assert_ne!(second.identity.cluster_id, first.identity.cluster_id);
    assert_eq!(keys(&second.door).len(), 20);
    let authority = |door: &Door| door.read(|state| state.founding().unwrap().authority.clone());
    assert_ne!(authority(&first.door), authority(&second.door));
    // It is a cluster like any other: it changes, restarts and can be backed up.
    configure(&second.door, "new").await;
    stop(second).await;
    let second = start(two.path(), &clock).await;
    assert_eq!(
        (keys(&second.door).len(), keys(&first.door).len()),
        (21, 21)
    );
    let again = backup::read(bytes(&second.door).await.as_slice()).unwrap();
    assert_eq!(again.0.revision, 21);
    stop(second).await;
    stop(first).await;
}

/// What the old cluster sealed opens in the new one when that was given its key, and then only.
#[tokio::test]
async fn a_restored_cluster_opens_what_was_sealed_with_the_key_that_it_was_given() {
    let clock = Arc::new(Script(NOON.0.into()));
    let old = tempfile::tempdir().unwrap();
    let first = start(old.path(), &clock).await;
    let sealed = first.door.vault().unwrap().seal("key", b"secret").unwrap();
    let backup = bytes(&first.door).await;
    let key = std::fs::read(old.path().join("tls/cluster.key")).unwrap();
    let key: [u8; 32] = key.try_into().unwrap();
    stop(first).await;
    for (given, opens) in [(None, false), (Some(ClusterKey::from_bytes(key)), true)] {
        let dir = tempfile::tempdir().unwrap();
        let (_, state) = backup::read(backup.as_slice()).unwrap();
        restore(dir.path(), state, Quotas::Exhausted, NOON, given).unwrap();
        let second = start(dir.path(), &clock).await;
        let vault = second.door.vault().unwrap();
        assert_eq!(vault.open("key", &sealed).is_ok(), opens);
        stop(second).await;
    }
    // A recovered directory has it anyway.
    recover(old.path(), Quotas::Exhausted, NOON).unwrap();
    let again = start(old.path(), &clock).await;
    let opened = again.door.vault().unwrap().open("key", &sealed);
    assert_eq!(opened.as_deref(), Ok(&b"secret"[..]));
    stop(again).await;
}

#[tokio::test]
async fn a_node_that_is_left_goes_on_alone_with_all_that_it_has() {
    let clock = Arc::new(Script(NOON.0.into()));
    let dir = tempfile::tempdir().unwrap();
    let empty = recover(dir.path(), Quotas::AsKnown, NOON);
    assert!(matches!(empty, Err(SuccessionError::Empty(_))), "{empty:?}");
    let node = start(dir.path(), &clock).await;
    for n in 0..5 {
        configure(&node.door, &format!("key{n}")).await;
    }
    let running = recover(dir.path(), Quotas::AsKnown, NOON).map_err(|it| it.code().code);
    assert_eq!(running, Err("TG0002"));
    let before = node.identity.clone();
    let lives = node.incarnation;
    stop(node).await;
    // Twice: an interrupted recovery is simply done again.
    for _ in 0..2 {
        let recovered = recover(dir.path(), Quotas::AsKnown, NOON).unwrap();
        assert_eq!((recovered.node, recovered.revision), (1, 5));
        assert_ne!(recovered.cluster, before.cluster_id);
        assert!(recovered.left_out.is_empty() && recovered.agreed <= recovered.last);
    }
    let node = start(dir.path(), &clock).await;
    assert!(node.incarnation > lives && keys(&node.door).len() == 5);
    configure(&node.door, "after").await;
    stop(node).await;
}

#[tokio::test]
async fn a_node_whose_log_has_its_own_removal_does_not_go_on() {
    let clock = Arc::new(Script(NOON.0.into()));
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path(), &clock).await;
    let expires = tollgate_protocol::Millis(NOON.0 + 1_000);
    let token = node.door.create_token(expires, 1, "root").await.unwrap();
    let admit = Command::AdmitNode {
        token: token.id.to_string(),
        secret_hash: token.secret.hash().0,
        key_hash: [2; 32],
        name: "two".into(),
        addresses: Addresses::default(),
    };
    let remove = Command::RemoveNode {
        node: 1,
        who: "root".into(),
    };
    for (command, expected) in [(admit, Reply::Admitted(2)), (remove, Reply::Done)] {
        let reply = node.door.propose(ProposalId::default(), command).await;
        assert_eq!(reply, Ok(expected));
    }
    stop(node).await;
    // Every time, and nothing is written: it is no half of anything.
    for _ in 0..2 {
        let refused = recover(dir.path(), Quotas::AsKnown, NOON).map(drop);
        assert!(
            matches!(refused, Err(SuccessionError::Removed(_))),
            "{refused:?}"
        );
        assert!(!dir.path().join("unfinished.json").exists());
    }
}

#[test]
fn a_backup_is_not_restored_into_a_directory_that_is_used_for_something_else() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("letter.txt"), "dear").unwrap();
    let refused = restore(dir.path(), State::default(), Quotas::AsKnown, NOON, None);
    assert!(
        matches!(refused, Err(SuccessionError::Foreign { .. })),
        "{refused:?}"
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn what_is_no_whole_backup_is_refused_for_the_right_reason() {
    let head = Head {
        version: "0.1.0".into(),
        taken: NOON,
        cluster: [7; 16],
        index: 1,
        revision: 0,
        level: 1,
        agreed: true,
    };
    let parts: Vec<Vec<u8>> = backup::parts(head.clone(), &State::default())
        .map(Result::unwrap)
        .collect();
    let whole = parts.concat();
    assert_eq!(backup::read(whole.as_slice()).unwrap().0, head);
    for cut in 0..whole.len() {
        let cut_short = backup::read(&whole[..cut]).map(|_| ()).unwrap_err();
        assert!(
            matches!(cut_short, BackupError::CutShort),
            "{cut}: {cut_short:?}"
        );
        assert!(arrive(&whole[..cut], 7).is_err(), "{cut}");
    }
    for bit in 0..whole.len() * 8 {
        let mut bad = whole.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(backup::read(bad.as_slice()).is_err(), "bit {bit}");
        assert!(arrive(&bad, 64).is_err(), "bit {bit}");
    }
    for at in 0..parts.len() {
        let (mut without, mut twice) = (parts.clone(), parts.clone());
        without.remove(at);
        twice.insert(at, parts[at].clone());
        assert!(backup::read(without.concat().as_slice()).is_err(), "{at}");
        assert!(backup::read(twice.concat().as_slice()).is_err(), "{at}");
    }
    for foreign in [
        &b"apis:\n  - name: hello\n    routes: []\n"[..],
        &[0; 4096],
        b"TGx",
    ] {
        let refused = backup::read(foreign).map(|_| ()).unwrap_err();
        let short = foreign.len() < 4;
        let right = matches!(refused, BackupError::Foreign) && !short;
        assert!(
            right || short && matches!(refused, BackupError::CutShort),
            "{refused:?}"
        );
    }
    let risen = Head { level: 9, ..head };
    let bytes: Vec<Vec<u8>> = backup::parts(risen, &State::default())
        .map(Result::unwrap)
        .collect();
    let refused = backup::read(bytes.concat().as_slice()).map(|_| ());
    assert!(
        matches!(&refused, Err(BackupError::Level { found: 9, version }) if version == "0.1.0"),
        "{refused:?}"
    );
    // Its form is newer, whatever comes behind.
    let newer = codec::seal(18, &9u16).unwrap();
    let refused = backup::read([newer, vec![1; 99]].concat().as_slice()).map(|_| ());
    assert!(
        matches!(refused, Err(BackupError::Newer { found: 9 })),
        "{refused:?}"
    );
}
