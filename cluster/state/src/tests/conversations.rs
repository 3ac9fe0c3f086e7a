//! Conversations as text: a line for each command, then its answer and effects. And the bytes of
//! every command and reply, which may never change.
//!
//! With `REWRITE=1` in the environment the files are written anew.

extern crate std;

use alloc::string::String;
use std::path::PathBuf;

use super::*;

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", name].iter().collect()
}

/// Compares with a file, or writes it.
fn expect(name: &str, found: &str) {
    if std::env::var_os("REWRITE").is_some() {
        std::fs::write(file(name), found).unwrap();
    }
    let wanted = std::fs::read_to_string(file(name)).unwrap();
    assert_eq!(found, wanted, "{name}");
}

fn number(word: &str) -> u64 {
    word.parse()
        .unwrap_or_else(|_| panic!("{word} is no number"))
}

/// `lease NODE LIFE SEQ LEASE used N returned N want N waiting N [close]`
fn lease(words: &[&str]) -> Command {
    let after = |name: &str| {
        let at = words.iter().position(|it| *it == name);
        at.map_or(0, |at| number(words[at + 1]))
    };
    let item = LeaseItem {
        waiting: after("waiting"),
        close: words.contains(&"close"),
        ..want(
            number(words[3]) as u32,
            after("used"),
            after("returned"),
            after("want"),
        )
    };
    Command::Lease(LeaseBatch {
        node: number(words[0]),
        incarnation: number(words[1]) as u32,
        seq: number(words[2]),
        items: vec![item],
    })
}

fn command(line: &str, at: Millis) -> Command {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[0] {
        "found" => nodes::found(),
        "token" => nodes::token(words[1], number(words[2]) as u32, Millis(at.0 + 1000)),
        "revoke" => Command::RevokeToken {
            id: words[1].into(),
        },
        "admit" => nodes::admit(words[1], number(words[2]) as u8),
        "up" => nodes::up(number(words[1]), number(words[2]) as u32),
        "remove" => nodes::remove(number(words[1])),
        "limit" => Command::Configure {
            expected: None,
            rests_on: None,
            changes: serde_json::to_vec(&[plan(number(words[1])), key()]).unwrap(),
            who: "root".into(),
        },
        "remaining" => Command::AdjustUsage {
            plan: "gold".into(),
            key: "k".into(),
            remaining: number(words[1]),
        },
        "lease" => lease(&words[1..]),
        "iam" => iam::command(number(words[1]), &words[2..], at),
        other => panic!("{other} is no command"),
    }
}

/// Carries out the lines that begin with `>`; `later N` lets N milliseconds pass.
fn run(text: &str) -> String {
    let mut talk = Talk {
        state: State::default(),
        at: NOON,
    };
    let mut out = String::new();
    for line in text.lines() {
        if line.starts_with('<') || line.starts_with('!') {
            continue;
        }
        out += &alloc::format!("{line}\n");
        let Some(said) = line.strip_prefix("> ") else {
            continue;
        };
        if let Some(ms) = said.strip_prefix("later ") {
            talk.at = Millis(talk.at.0 + number(ms));
            continue;
        }
        let applied = talk.say(0, command(said, talk.at));
        out += &alloc::format!("< {:?}\n", applied.reply);
        for effect in applied.effects {
            out += &alloc::format!("! {effect:?}\n");
        }
    }
    out
}

#[test]
fn conversations_go_as_written() {
    let mut files = 0;
    for entry in std::fs::read_dir(file("conversations")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = alloc::format!("conversations/{name}");
        let text = std::fs::read_to_string(file(&name)).unwrap();
        expect(&name, &run(&text));
        files += 1;
    }
    assert!(files >= 4, "{files}");
}

/// Every reply.
fn replies() -> Vec<Reply> {
    let open = LeaseVerdict::Open {
        start: Millis(1),
        end: Millis(2),
        granted: 3,
        cap: 4,
        free: 5,
        elsewhere: 6,
    };
    let verdicts = [
        open,
        LeaseVerdict::Closed,
        LeaseVerdict::NoQuota,
        LeaseVerdict::Impossible,
    ];
    let leased = verdicts.map(|verdict| LeaseReply {
        plan: "gold".into(),
        key: "k".into(),
        lease: 7,
        verdict,
    });
    let mut replies = vec![
        Reply::Configured(Revision(1)),
        Reply::Conflict(Revision(2)),
        Reply::Leased(leased.into()),
        Reply::Stale,
        Reply::Done,
        Reply::Refused("no".into()),
        Reply::Admitted(3),
    ];
    use AdmitRefusal::{Expired, Full, NotFounded, RemovedKey, UnknownToken, UsedUp, WrongSecret};
    let refusals = [
        UnknownToken,
        Expired,
        UsedUp,
        WrongSecret,
        RemovedKey,
        Full,
        NotFounded,
    ];
    replies.extend(refusals.map(Reply::NotAdmitted));
    replies.extend([Reply::Level(1), Reply::Iam(4), Reply::IamConflict(5)]);
    replies
}

#[test]
fn bytes_of_commands_and_replies_never_change() {
    let lines = [
        "limit 5",
        "lease 1 2 3 4 used 5 returned 6 want 7 waiting 8 close",
        "remaining 9",
        "found",
        "token t 2",
        "revoke t",
        "admit t 3",
        "up 1 2",
        "remove 3",
        "iam 4 user bob group g tag team=a",
        "iam 4 group g attach p",
        "iam 4 policy p",
        "iam 4 key bob AKIA1 off",
        "iam 4 root AKIA2 until 5 AKIA3",
        "iam 4 unuser bob",
        "iam 4 ungroup g",
        "iam 4 unpolicy p",
        "iam 4 unkey AKIA1",
        "iam 4",
    ];
    let replies = replies();
    let mut out = String::new();
    let mut line = |name: &str, bytes: &[u8]| {
        let hex: String = bytes.iter().map(|it| alloc::format!("{it:02x}")).collect();
        out += &alloc::format!("{name}\n    {hex}\n");
    };
    for said in lines {
        let entry = Entry {
            at: NOON,
            proposal: ProposalId([2; 16]),
            command: command(said, NOON),
        };
        let bytes = tollgate_protocol::codec::seal(1, &entry).unwrap();
        assert_eq!(tollgate_protocol::codec::open(1, &bytes), Ok(entry));
        line(said, &bytes);
    }
    for reply in replies {
        let bytes = tollgate_protocol::codec::seal(1, &reply).unwrap();
        line(&alloc::format!("{reply:?}"), &bytes);
    }
    expect("golden.txt", &out);
}
