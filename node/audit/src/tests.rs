//! A trail as it is written, searched and verified, and what a crash or a forger leaves of it.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::*;

const LIMITS: Limits = Limits {
    file_bytes: 4096,
    files: 4,
};

fn event(number: usize) -> Event {
    let mut event = Event::new("apigateway.amazonaws.com", "CreateApi");
    event.event_time = format!("2026-11-23T00:00:{:02}Z", number % 60);
    event.request_id = format!("request-{number}");
    event.user_identity.user_name = Some(format!("user-{}", number % 3));
    event
}

fn fill(dir: &Path, numbers: std::ops::Range<usize>) -> Head {
    let mut trail = Trail::open(dir, LIMITS).unwrap();
    for number in numbers {
        assert_eq!(trail.append(&[event(number)]).unwrap(), 0);
    }
    trail.sync().unwrap();
    trail.head()
}

fn all_lines(dir: &Path) -> Vec<(std::path::PathBuf, Vec<String>)> {
    let files = files::list(dir).unwrap();
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    files
        .into_iter()
        .map(|(_, path)| {
            (
                path.clone(),
                read(&path).lines().map(str::to_owned).collect(),
            )
        })
        .collect()
}

#[test]
fn a_chain_goes_on_over_files_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 0..10);
    let head = fill(dir.path(), 10..60);
    assert_eq!(head.number, 60);
    let verified = verify(dir.path(), Some(head)).unwrap().unwrap();
    assert_eq!(verified.head, head);
    let files = all_lines(dir.path());
    assert!(
        files.len() > 1 && files.len() <= LIMITS.files,
        "{}",
        files.len()
    );
    // The oldest were removed for their age, and that is no break.
    assert!(verified.first > 1, "{verified:?}");
}

#[test]
fn any_line_that_is_removed_changed_or_moved_shows() {
    let dir = tempfile::tempdir().unwrap();
    let head = fill(dir.path(), 0..20);
    let files = all_lines(dir.path());
    let (mut tried, mut whole) = (0, 0);
    for (path, lines) in &files {
        for at in 0..lines.len() {
            let is_first = path == &files[0].0 && at == 0;
            let mut removed = lines.clone();
            removed.remove(at);
            let mut changed = lines.clone();
            changed[at] = changed[at].replace("CreateApi", "DeleteApi");
            let mut moved = lines.clone();
            moved.swap(at, (at + 1) % lines.len());
            for variant in [removed, changed, moved] {
                if variant == *lines {
                    continue;
                }
                tried += 1;
                fs::write(path, variant.join("\n") + "\n").unwrap();
                let is_whole = verify(dir.path(), Some(head)).unwrap().is_ok();
                // Only the oldest line of all may go unseen: that is how age removes lines.
                whole += usize::from(is_whole);
                assert!(!is_whole || is_first, "{} {at}", path.display());
            }
            fs::write(path, lines.join("\n") + "\n").unwrap();
        }
    }
    assert!(tried > 30 && whole <= 1, "{tried} {whole}");
    fs::remove_file(&files[1].0).unwrap();
    let broken = verify(dir.path(), None).unwrap().unwrap_err();
    assert_eq!(broken.why, "a file before this one is missing");
}

#[test]
fn newest_lines_that_are_removed_show_against_a_head_that_was_kept() {
    let dir = tempfile::tempdir().unwrap();
    let head = fill(dir.path(), 0..3);
    let (path, lines) = all_lines(dir.path()).remove(0);
    fs::write(&path, lines[..2].join("\n") + "\n").unwrap();
    assert!(verify(dir.path(), None).unwrap().is_ok());
    let broken = verify(dir.path(), Some(head)).unwrap().unwrap_err();
    assert!(broken.why.contains("removed"), "{broken}");
    // Nor can others take their place.
    let mut trail = Trail::open(dir.path(), LIMITS).unwrap();
    trail.append(&[event(9)]).unwrap();
    let broken = verify(dir.path(), Some(head)).unwrap().unwrap_err();
    assert!(broken.why.contains("another line"), "{broken}");
}

#[test]
fn what_a_crash_left_of_a_line_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 0..3);
    let (path, lines) = all_lines(dir.path()).remove(0);
    for cut in 1..lines[2].len() {
        let torn = format!("{}\n{}\n{}", lines[0], lines[1], &lines[2][..cut]);
        fs::write(&path, torn).unwrap();
        let head = fill(dir.path(), 7..8);
        assert_eq!(head.number, 3);
        assert_eq!(verify(dir.path(), Some(head)).unwrap().unwrap().head, head);
    }
}

#[test]
fn a_search_finds_the_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 0..20);
    let ids = |query: Query| -> Vec<String> {
        let found = search(dir.path(), &query).unwrap();
        found.into_iter().map(|it| it.request_id).collect()
    };
    let newest = Query {
        events_max: 2,
        ..Query::default()
    };
    assert_eq!(ids(newest), ["request-19", "request-18"]);
    let of_one = Query {
        who: Some("user-1".into()),
        to: Some("2026-11-23T00:00:15Z".into()),
        events_max: 2,
        ..Query::default()
    };
    assert_eq!(ids(of_one), ["request-13", "request-10"]);
    let named = |name: &str| Query {
        event: Some(name.to_owned()),
        events_max: 1,
        ..Query::default()
    };
    assert_eq!(ids(named("Create*")), ["request-19"]);
    assert!(ids(named("Delete*")).is_empty());
    let refused = Query {
        refused: Some(true),
        events_max: 1,
        ..Query::default()
    };
    assert!(ids(refused).is_empty());
}

#[test]
fn a_call_that_is_too_long_for_a_line_is_written_without_what_is_long() {
    let dir = tempfile::tempdir().unwrap();
    let mut trail = Trail::open(dir.path(), LIMITS).unwrap();
    let mut event = event(1);
    event.response_elements = json!({"arn": "x".repeat(limits::LINE_BYTES_MAX)});
    assert_eq!(trail.append(&[event.clone()]).unwrap(), 0);
    let query = Query {
        events_max: 1,
        ..Query::default()
    };
    let found = search(dir.path(), &query).unwrap();
    assert_eq!(found[0].request_id, event.request_id);
    assert!(found[0].response_elements.is_null());
}

#[test]
fn secrets_and_large_parameters_are_not_kept() {
    let parameters = json!({
        "name": "a", "nested": [{"SecretAccessKey": "hunter2"}], "token": "hunter2", "password": null,
    });
    let members = parameters.as_object().unwrap();
    let event = event(1).with(Parameters::Members(members));
    let text = event.request_parameters.to_string();
    assert!(
        !text.contains("hunter2") && text.contains("\"name\":\"a\""),
        "{text}"
    );
    assert!(event.request_parameters["password"].is_null());
    let large = json!({"body": "x".repeat(limits::PARAMETERS_BYTES_MAX)});
    let event = event_with(&large);
    assert!(event.request_parameters["sha256"].is_string());
    let document = event.with(Parameters::Document(b"abc")).request_parameters;
    assert_eq!(document["bytes"], 3);
    assert!(document["sha256"].as_str().unwrap().starts_with("ba7816bf"));
}

fn event_with(parameters: &serde_json::Value) -> Event {
    event(1).with(Parameters::Members(parameters.as_object().unwrap()))
}

proptest! {
    #[test]
    fn any_text_of_a_client_makes_a_line_that_is_read_again(agent in ".*", message in ".*") {
        let dir = tempfile::tempdir().unwrap();
        let mut trail = Trail::open(dir.path(), LIMITS).unwrap();
        let event = event(1).from_program(Some(&agent)).refused("BadRequestException", &message);
        trail.append(std::slice::from_ref(&event)).unwrap();
        prop_assert!(verify(dir.path(), Some(trail.head())).unwrap().is_ok());
        let found = search(dir.path(), &Query { events_max: 1, ..Query::default() }).unwrap();
        prop_assert_eq!(found, vec![event]);
    }
}

#[test]
fn a_search_leaves_files_of_other_times_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut trail = Trail::open(dir.path(), LIMITS).unwrap();
    for number in 0..30 {
        let mut event = event(number);
        event.event_time = format!("2026-11-23T{:02}:30:00Z", number / 2);
        trail.append(&[event]).unwrap();
    }
    let files = all_lines(dir.path());
    assert!(files.len() > 2, "{}", files.len());
    let found = |from: &str, to: &str| -> Vec<String> {
        let query = Query {
            from: Some(format!("2026-11-23T{from}:00Z")),
            to: Some(format!("2026-11-23T{to}:00Z")),
            events_max: 10,
            ..Query::default()
        };
        let found = search(dir.path(), &query).unwrap();
        found.into_iter().map(|it| it.request_id).collect()
    };
    let some = ["request-19", "request-18", "request-17", "request-16"];
    assert_eq!(found("08:00", "10:00"), some);
    assert!(found("15:00", "20:00").is_empty() && found("00:00", "00:10").is_empty());
    // Neither the oldest nor the newest file is read beyond its first line: nothing is found there
    // that says it was of that time.
    for (path, lines) in [&files[0], &files[files.len() - 1]] {
        let forged = lines.iter().enumerate().map(|(at, line)| {
            let begins = line.find("eventTime\":\"").unwrap() + "eventTime\":\"".len();
            let (head, tail) = line.split_at(begins);
            match at {
                0 => line.clone(),
                _ => format!(
                    "{head}2026-11-23T09:00:00Z{}",
                    &tail["2026-11-23T09:00:00Z".len()..]
                ),
            }
        });
        fs::write(path, forged.collect::<Vec<_>>().join("\n") + "\n").unwrap();
    }
    assert_eq!(found("08:00", "10:00"), some);
}

/// Everything that a follower has to read, in batches of so many lines.
fn read_all(follower: &mut Follower, until: u64, lines_max: usize) -> (Vec<u64>, u64) {
    let (mut numbers, mut missed) = (Vec::new(), 0);
    loop {
        let batch = follower.read(until, lines_max, usize::MAX).unwrap();
        missed += batch.missed;
        if batch.lines.is_empty() {
            return (numbers, missed);
        }
        assert!(batch.lines.len() <= lines_max);
        numbers.extend(batch.lines.iter().map(|it| it.number));
    }
}

#[test]
fn a_follower_reads_every_line_once_and_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let head = fill(dir.path(), 0..10).number;
    let mut follower = Follower::resume(dir.path(), head).unwrap();
    // What is not flushed yet is not read.
    assert_eq!(read_all(&mut follower, 7, 3).0, Vec::from_iter(1..=7));
    follower.taken().unwrap();
    assert_eq!(read_all(&mut follower, 9, 3).0, [8, 9]);
    let head = fill(dir.path(), 10..14).number;
    // Lines 8 and 9 were read and not taken.
    let mut again = Follower::resume(dir.path(), head).unwrap();
    assert_eq!(read_all(&mut again, head, 2), (Vec::from_iter(8..=14), 0));
    let head = fill(dir.path(), 14..20).number;
    assert_eq!(
        read_all(&mut again, head, 100),
        (Vec::from_iter(15..=20), 0)
    );
    assert_eq!(again.read_to(), 20);
    let bytes = Follower::resume(dir.path(), head)
        .unwrap()
        .read(head, 100, 1);
    assert_eq!(bytes.unwrap().lines.len(), 1);
}

#[test]
fn a_follower_counts_what_age_took_and_reads_a_new_trail_from_its_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let head = fill(dir.path(), 0..5).number;
    let mut follower = Follower::resume(dir.path(), head).unwrap();
    assert_eq!(read_all(&mut follower, head, 100).0.len(), 5);
    follower.taken().unwrap();
    let head = fill(dir.path(), 5..100).number;
    let (numbers, missed) = read_all(&mut follower, head, 100);
    let oldest = verify(dir.path(), None).unwrap().unwrap().first;
    assert_eq!(numbers, Vec::from_iter(oldest..=head));
    assert_eq!(missed, oldest - 6);
    follower.taken().unwrap();
    for (_, file) in files::list(dir.path()).unwrap() {
        fs::remove_file(file).unwrap();
    }
    let head = fill(dir.path(), 0..3).number;
    let mut follower = Follower::resume(dir.path(), head).unwrap();
    assert_eq!(read_all(&mut follower, head, 100), (vec![1, 2, 3], 0));
}

#[test]
fn a_follower_goes_on_behind_a_file_that_was_lost_or_cannot_be_read_to_its_end() {
    let small = Limits {
        files: 20,
        ..LIMITS
    };
    for lost in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let mut trail = Trail::open(dir.path(), small).unwrap();
        for number in 0..60 {
            assert_eq!(trail.append(&[event(number)]).unwrap(), 0);
        }
        let head = trail.head().number;
        let files = files::list(dir.path()).unwrap();
        assert!(files.len() > 3, "{}", files.len());
        let (first, path) = &files[1];
        let next = files[2].0;
        let first_missed = match lost {
            true => {
                fs::remove_file(path).unwrap();
                *first
            }
            false => {
                let text = fs::read_to_string(path).unwrap();
                let end = text.trim_end().rfind('\n').unwrap() + 1;
                fs::write(path, format!("{}no line\n", &text[..end])).unwrap();
                next - 1
            }
        };
        let mut follower = Follower::resume(dir.path(), head).unwrap();
        let (numbers, missed) = read_all(&mut follower, head, 7);
        let wanted: Vec<u64> = (1..first_missed).chain(next..=head).collect();
        assert_eq!(numbers, wanted, "{lost}");
        assert_eq!(missed, next - first_missed, "{lost}");
        assert_eq!(follower.read_to(), head, "{lost}");
    }
}
