//! Older configurations can be had again, as far as they are remembered.

use tollgate_protocol::limits::{HISTORY_BYTES_MAX, HISTORY_REVISIONS_MAX};

use super::*;

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
