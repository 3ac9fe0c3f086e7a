//! Older configurations can be had again, as far as they are remembered.

use tollgate_model::{Mark, Upstream, kind, mark, mark_kind, rests_on};
use tollgate_protocol::limits::{HISTORY_BYTES_MAX, HISTORY_REVISIONS_MAX};

use super::*;
use crate::history::History;

fn upstream(name: &str) -> Change {
    Change::PutUpstream(Arc::new(Upstream {
        name: name.into(),
        ..Upstream::default()
    }))
}

fn named(id: u64, name: &str) -> Change {
    let key = ApiKey {
        id: id.to_string().as_str().into(),
        name: name.into(),
        ..ApiKey::default()
    };
    Change::PutApiKey(Arc::new(key))
}

#[test]
fn every_remembered_revision_can_be_had_again() {
    let mut talk = Talk::new(5);
    let mut models = BTreeMap::from([(talk.state.revision, (*talk.state.model).clone())]);
    for step in 0..60u64 {
        let change = match step % 4 {
            0 => named(step % 7, &step.to_string()),
            1 => Change::DeleteApiKey((step % 5).to_string().as_str().into()),
            2 => plan(step),
            _ => Change::SetDefaultMapping(None),
        };
        talk.configure(&[change, named(step % 3, "x"), named(step % 3, "y")]);
        models.insert(talk.state.revision, (*talk.state.model).clone());
    }
    for (revision, model) in &models {
        assert_eq!(talk.state.model_at(*revision).as_ref(), Some(model));
    }
    assert_eq!(talk.state.model_at(Revision(0)), Some(Model::default()));
    let next = Revision(talk.state.revision.0 + 1);
    assert_eq!(talk.state.model_at(next), None);
    let newest = talk.state.history().next_back().unwrap();
    assert_eq!(
        (newest.revision, newest.who.as_str()),
        (talk.state.revision, "root")
    );
    // Going back is one more change.
    let old = talk.state.model_at(Revision(3)).unwrap();
    talk.configure(&diff(&talk.state.model, &old));
    assert_eq!(*talk.state.model, old);
}

#[test]
fn history_is_bounded_in_number_and_bytes() {
    let mut talk = Talk::new(5);
    for _ in 0..HISTORY_REVISIONS_MAX + 5 {
        talk.configure(&[]);
    }
    assert_eq!(talk.state.history().count(), HISTORY_REVISIONS_MAX);
    let first = talk.state.history().next().unwrap().revision;
    assert_eq!(talk.state.model_at(Revision(first.0 - 2)), None);
    assert!(talk.state.model_at(Revision(first.0 - 1)).is_some());
    let long = "x".repeat(HISTORY_BYTES_MAX / 4);
    for step in 0..6 {
        talk.configure(&[named(step % 2, &long)]);
    }
    let bytes: usize = talk.state.history().map(|it| it.undo.len()).sum();
    assert!(bytes <= HISTORY_BYTES_MAX, "{bytes}");
    assert!(talk.state.history().count() >= 1);
}

/// What is looked up of the records is that of those that are remembered, so that a node which took
/// a state snapshot in decides as one that applied every entry.
#[test]
fn forgotten_records_leave_nothing() {
    let mut talk = Talk::new(5);
    let many: Vec<Change> = (0..MARKS_MAX)
        .map(|number| upstream(&alloc::format!("u{number}")))
        .collect();
    talk.configure(&many);
    for step in 0..HISTORY_REVISIONS_MAX as u64 + 20 {
        talk.configure(&[named(step % 700, "x")]);
        if step % 173 == 0 || step > HISTORY_REVISIONS_MAX as u64 - 20 {
            let mut again = History::default();
            for record in talk.state.history() {
                again.push(record.clone());
            }
            assert_eq!(again, *talk.state.history, "after {step}");
        }
    }
}

fn configured(talk: &mut Talk, base: u64, rests_on: &[Mark], changes: &[Change]) -> Reply {
    let command = Command::Configure {
        expected: Some(Revision(base)),
        rests_on: Some(rests_on.to_vec()),
        changes: serde_json::to_vec(changes).unwrap(),
        who: "root".into(),
    };
    talk.say(0, command).reply
}

#[test]
fn changes_of_an_older_revision_conflict_only_with_what_they_rest_on() {
    let mut talk = Talk::new(10);
    let base = talk.state.revision.0;
    let done = |revision: u64| Reply::Configured(Revision(revision));
    let conflict = |revision: u64| Reply::Conflict(Revision(revision));
    let on_plan = [mark(kind::USAGE_PLAN, "gold")];
    assert_eq!(
        configured(&mut talk, base, &[], &[upstream("a")]),
        done(base + 1)
    );
    // Nothing of it was touched.
    assert_eq!(
        configured(&mut talk, base, &on_plan, &[upstream("b")]),
        done(base + 2)
    );
    // What it changes was, whatever it says that it rests on.
    assert_eq!(
        configured(&mut talk, base, &[], &[upstream("a")]),
        conflict(base + 2)
    );
    assert_eq!(
        configured(&mut talk, base + 1, &[], &[upstream("a")]),
        done(base + 3)
    );
    // One of a kind stands for the kind.
    let any = [mark_kind(kind::UPSTREAM)];
    assert_eq!(
        configured(&mut talk, base, &any, &[plan(20)]),
        conflict(base + 3)
    );
    assert_eq!(
        configured(&mut talk, base, &[], &[plan(20)]),
        done(base + 4)
    );
    // A revision that is yet to come, and one that is not remembered.
    assert_eq!(
        configured(&mut talk, base + 5, &[], &[plan(30)]),
        conflict(base + 4)
    );
    let mut forgotten = Talk::new(10);
    forgotten.state.history = Arc::default();
    assert_eq!(
        configured(&mut forgotten, 0, &[], &[upstream("a")]),
        conflict(1)
    );
}

#[test]
fn a_revision_that_touched_too_much_touched_everything() {
    let mut talk = Talk::new(10);
    let base = talk.state.revision.0;
    let many: Vec<Change> = (0..MARKS_MAX)
        .map(|number| upstream(&alloc::format!("u{number}")))
        .collect();
    talk.configure(&many);
    let after = Reply::Conflict(Revision(base + 1));
    assert_eq!(configured(&mut talk, base, &[], &[plan(20)]), after);
}

#[test]
fn two_keys_with_one_new_secret_conflict() {
    let mut talk = Talk::new(10);
    let base = talk.state.revision.0;
    let key = |id: &str, value: &str| {
        Change::PutApiKey(Arc::new(ApiKey {
            id: id.into(),
            value: value.into(),
            ..ApiKey::default()
        }))
    };
    let put = |talk: &mut Talk, change: Change| {
        let marks: Vec<Mark> = rests_on(&Model::default(), core::slice::from_ref(&change))
            .into_iter()
            .collect();
        configured(talk, base, &marks, &[change])
    };
    assert_eq!(
        put(&mut talk, key("a", "one")),
        Reply::Configured(Revision(base + 1))
    );
    assert_eq!(
        put(&mut talk, key("b", "one")),
        Reply::Conflict(Revision(base + 1))
    );
    assert_eq!(
        put(&mut talk, key("b", "two")),
        Reply::Configured(Revision(base + 2))
    );
}
