//! Names as people type them: an id, a name, or nearly one.

use serde_json::Value;
use strsim::levenshtein;

use super::failure::Failure;

/// Suggestions of an error.
const SUGGESTIONS_MAX: usize = 3;
/// Edits that a suggestion may be away.
const DISTANCE_MAX: usize = 2;

/// The few of `known` that are nearest to `wanted`, nearest first.
pub(super) fn near<'k>(wanted: &str, known: &[&'k str]) -> Vec<&'k str> {
    let wanted = wanted.to_lowercase();
    let mut found: Vec<(usize, &str)> = known
        .iter()
        .map(|name| (levenshtein(&wanted, &name.to_lowercase()), *name))
        .filter(|(distance, _)| *distance <= DISTANCE_MAX)
        .collect();
    found.sort();
    found.truncate(SUGGESTIONS_MAX);
    found.into_iter().map(|(_, name)| name).collect()
}

/// A member of an item as text.
pub(super) fn text<'v>(item: &'v Value, member: &str) -> &'v str {
    item.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The one of `items` that `wanted` names: by its id, else by its name if no other has that.
///
/// # Errors
/// When there is none, with near ones; when there are several, with their ids.
pub(super) fn pick<'i>(
    items: &'i [Value],
    kind: &str,
    id_member: &str,
    wanted: &str,
) -> Result<&'i Value, Failure> {
    if let Some(found) = items.iter().find(|it| text(it, id_member) == wanted) {
        return Ok(found);
    }
    let named: Vec<&Value> = items
        .iter()
        .filter(|it| text(it, "name") == wanted)
        .collect();
    match named.as_slice() {
        [one] => Ok(one),
        [] => {
            let known: Vec<&str> = items
                .iter()
                .flat_map(|it| [text(it, id_member), text(it, "name")])
                .filter(|it| !it.is_empty())
                .collect();
            let failure = Failure::new(format!("there is no {kind} {wanted}"));
            let near = near(wanted, &known);
            if near.is_empty() {
                return Err(failure);
            }
            Err(failure.hint(format!("did you mean {}?", near.join(" or "))))
        }
        several => {
            let ids: Vec<&str> = several.iter().map(|it| text(it, id_member)).collect();
            let what = format!("{} {kind}s are called {wanted}", several.len());
            Err(Failure::new(what).hint(format!("name one by its id: {}", ids.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_not() {
        assert_eq!(near("gold", &["god", "silver", "golds"]), ["god", "golds"]);
        assert!(near("x", &["entirely"]).is_empty());
    }

    #[test]
    fn ids_go_before_names_and_a_name_must_be_one() {
        let items = [
            json!({"id": "a", "name": "b"}),
            json!({"id": "b", "name": "c"}),
            json!({"id": "d", "name": "c"}),
        ];
        assert_eq!(pick(&items, "key", "id", "b").unwrap()["name"], "c");
        assert_eq!(pick(&items[..1], "key", "id", "b").unwrap()["id"], "a");
        let several = pick(&items, "key", "id", "c").unwrap_err();
        assert_eq!(several.hint.unwrap(), "name one by its id: b, d");
        assert!(
            pick(&items, "key", "id", "zzzz")
                .unwrap_err()
                .hint
                .is_none()
        );
    }
}
