//! The body of a call, read once: what is judged is what runs.
//!
//! Two readers of one text can disagree, and then the one that judges is of no use. So a body that
//! is an operation's input is read here, strictly, before anything is judged; its tags are looked at
//! only where the operation takes tags.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use tollgate_aws::operations::{Op, V1Op, V2Op};
use tollgate_aws::{AwsError, ErrorKind, body_members, query_pairs, read_members};
use tollgate_protocol::limits::{IAM_TAG_CHARS_MAX, IAM_TAGS_MAX};

use super::native::table::Op as Native;
use super::server::Target;

/// Characters of a tag's key, and of its value.
const KEY_CHARS_MAX: usize = IAM_TAG_CHARS_MAX.0;
const VALUE_CHARS_MAX: usize = IAM_TAG_CHARS_MAX.1;

/// What a call brings.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// The members of a body that is an input; none for a document.
    pub(crate) members: Map<String, Value>,
    /// The tags that the call sets.
    pub(crate) tags: Vec<(String, String)>,
    /// The keys of tags that it sets or takes away.
    pub(crate) tag_keys: Vec<String>,
}

impl Given {
    /// Reads a call's body and what its query says of tags.
    ///
    /// # Errors
    /// `SerializationException` for a body that is no JSON object, `BadRequestException` for tags
    /// that cannot be.
    pub(crate) fn read(
        target: &Target<'_>,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Self, AwsError> {
        let mut given = Self::default();
        if takes_document(target) {
            return Ok(given);
        }
        given.members = read_members(body)?;
        let (sets, removes) = tagging(target);
        if sets && let Some(Value::Object(tags)) = given.members.get("tags") {
            given.tags = read_tags(tags)?;
            given.tag_keys = given.tags.iter().map(|(key, _)| key.clone()).collect();
        }
        if removes {
            let named = query_pairs(query.unwrap_or_default());
            let named = named.filter(|(name, _)| name == "tagKeys");
            given.tag_keys = named.map(|(_, key)| key.into_owned()).collect();
        }
        check_keys(&given.tag_keys)?;
        Ok(given)
    }
}

/// Whether the body is something else than members of an input.
pub(crate) fn takes_document(target: &Target<'_>) -> bool {
    match target {
        Target::Native(matched) => matched.native.op == Native::Apply,
        Target::Aws(matched) => matches!(
            matched.operation.op,
            Op::Management(_)
                | Op::V1(
                    V1Op::ImportApiKeys
                        | V1Op::ImportDocumentationParts
                        | V1Op::ImportRestApi
                        | V1Op::PutRestApi
                )
        ),
    }
}

/// Whether an operation sets tags, and whether it takes tags away.
fn tagging(target: &Target<'_>) -> (bool, bool) {
    match target {
        Target::Native(matched) => (
            matches!(matched.native.op, Native::CreateUser | Native::TagUser),
            matched.native.op == Native::UntagUser,
        ),
        Target::Aws(matched) => (
            body_members(matched.operation).any(|(name, _)| name == "tags"),
            matches!(
                matched.operation.op,
                Op::V1(V1Op::UntagResource) | Op::V2(V2Op::UntagResource)
            ),
        ),
    }
}

fn read_tags(tags: &Map<String, Value>) -> Result<Vec<(String, String)>, AwsError> {
    let mut read = Vec::with_capacity(tags.len().min(IAM_TAGS_MAX));
    if tags.len() > IAM_TAGS_MAX {
        let text = format!("tags: at most {IAM_TAGS_MAX} are taken");
        return Err(AwsError::bad_request(text));
    }
    for (key, value) in tags {
        let Some(value) = value.as_str() else {
            let text = "the value of a tag is no string";
            return Err(AwsError::new(ErrorKind::Serialization, text));
        };
        if value.chars().count() > VALUE_CHARS_MAX {
            let text = format!("tags: a value has more than {VALUE_CHARS_MAX} characters");
            return Err(AwsError::bad_request(text));
        }
        read.push((key.clone(), value.to_owned()));
    }
    Ok(read)
}

/// Conditions see keys of tags without case, so two that differ in it only would hide each other.
fn check_keys(keys: &[String]) -> Result<(), AwsError> {
    if keys.len() > IAM_TAGS_MAX {
        let text = format!("tagKeys: at most {IAM_TAGS_MAX} are taken");
        return Err(AwsError::bad_request(text));
    }
    let mut seen = BTreeSet::new();
    for key in keys {
        if key.is_empty() || key.chars().count() > KEY_CHARS_MAX {
            let text = format!("tags: a key has 1 to {KEY_CHARS_MAX} characters");
            return Err(AwsError::bad_request(text));
        }
        if !seen.insert(key.to_ascii_lowercase()) {
            let text = format!("tags: there are two keys `{key}` that differ in case at most");
            return Err(AwsError::bad_request(text));
        }
    }
    Ok(())
}
