//! `patchOperations`: AWS's reading of JSON Patch (reference 1, 1.2).

use std::fmt;

use serde::Deserialize;
use tollgate_aws::{AwsError, Constraint, ErrorKind, Violations};

use crate::admin::call::Call;

/// Operations of one request.
const OPERATIONS_MAX: usize = 1_000;
/// In the order that AWS's message lists them.
const OPS: [&str; 6] = ["add", "remove", "move", "test", "replace", "copy"];

/// One operation. Its value can be secret, so it has no `Debug`.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Patch {
    /// `add`, `remove`, `replace`; `move`, `test` and `copy` fit no path here.
    pub(super) op: String,
    /// A JSON pointer: `/` in names is written `~1`.
    pub(super) path: String,
    /// The new value, always text.
    pub(super) value: Option<String>,
}

impl fmt::Debug for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.op, self.path)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    patch_operations: Vec<Patch>,
}

/// The operations of a request.
///
/// # Errors
/// `ValidationException` for an operation that there is not; `BadRequestException` for too many.
pub(super) fn read(call: &Call<'_>) -> Result<Vec<Patch>, AwsError> {
    checked(call.input()?)
}

fn checked(body: Body) -> Result<Vec<Patch>, AwsError> {
    if body.patch_operations.len() > OPERATIONS_MAX {
        return Err(AwsError::bad_request(format!(
            "at most {OPERATIONS_MAX} patch operations at once"
        )));
    }
    let mut found = Violations::new();
    for (index, patch) in body.patch_operations.iter().enumerate() {
        if !OPS.contains(&patch.op.as_str()) {
            let set = OPS.iter().map(|op| (*op).to_owned()).collect();
            found.add(
                Some(&patch.op),
                format!("patchOperations.{}.member.op", index + 1),
                Constraint::OneOf(set),
            );
        }
    }
    found.into_result(ErrorKind::Validation)?;
    Ok(body.patch_operations)
}

impl Patch {
    /// The segments of the path, unescaped (RFC 6901, section 4).
    pub(super) fn segments(&self) -> Vec<String> {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        path.split('/')
            .map(|it| it.replace("~1", "/").replace("~0", "~"))
            .collect()
    }

    /// The value, which must be there.
    ///
    /// # Errors
    /// `BadRequestException`
    pub(super) fn value(&self) -> Result<&str, AwsError> {
        self.value.as_deref().ok_or_else(|| {
            AwsError::bad_request(format!("Invalid patch value for path {}: null", self.path))
        })
    }

    /// The value as something that is written as text.
    ///
    /// # Errors
    /// `BadRequestException` that names the path.
    pub(super) fn parse<T: std::str::FromStr>(&self) -> Result<T, AwsError> {
        self.value()?.trim().parse().map_err(|_| {
            AwsError::bad_request(format!(
                "Invalid patch value for path {}: it cannot be read",
                self.path
            ))
        })
    }

    /// The value, or nothing when it is empty.
    pub(super) fn optional(&self) -> Option<String> {
        self.value.clone().filter(|text| !text.is_empty())
    }

    /// The error of an operation that the path does not take.
    pub(super) fn refused(&self, allowed: &[&str]) -> AwsError {
        AwsError::bad_request(format!(
            "Invalid patch path '{}' specified for op '{}'. Must be one of: [{}]",
            self.path,
            self.op,
            allowed.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use tollgate_model::UsagePlan;

    use super::*;
    use crate::admin::v1::plan_patch;

    #[test]
    fn fuzz_patches() {
        let corpus: [&[u8]; 4] = [
            br#"{"patchOperations": [{"op": "replace", "path": "/name", "value": "gold"}]}"#,
            br#"{"patchOperations": [{"op": "add", "path": "/apiStages", "value": "shop:prod"},
                {"op": "replace", "path": "/apiStages/shop:prod/throttle/~1pets~1{id}/GET/rateLimit", "value": "2.5"}]}"#,
            br#"{"patchOperations": [{"op": "replace", "path": "/quota/limit", "value": "100"},
                {"op": "replace", "path": "/quota/period", "value": "MONTH"}, {"op": "remove", "path": "/quota"}]}"#,
            br#"{"patchOperations": [{"op": "replace", "path": "/throttle/burstLimit", "value": "5"},
                {"op": "add", "path": "/onPartition", "value": "{}"}, {"op": "remove", "path": "/apiStages", "value": "shop:prod"}]}"#,
        ];
        let words = [
            "~0",
            "~1",
            "~",
            "/",
            ":",
            "add",
            "remove",
            "replace",
            "move",
            "/apiStages/",
            "/throttle",
            "/quota/offset",
            "/throttle/rateLimit",
            "null",
            "NaN",
            "inf",
            "-0",
            "{}",
            "[]",
            "},{",
        ];
        tollgate_mutate::run("patch", &corpus, &words, |input| {
            let Ok(body) = serde_json::from_slice::<Body>(input) else {
                return false;
            };
            let Ok(patches) = checked(body) else {
                return false;
            };
            let mut plan = UsagePlan::default();
            let applied = patches.iter().filter(|it| {
                let outcome = plan_patch::apply(&mut plan, it);
                if let Err(error) = &outcome {
                    assert!((400..500).contains(&error.status()), "{error}");
                }
                outcome.is_ok()
            });
            let applied = applied.count() > 0;
            // What came of it is still a plan that can be kept.
            let text = serde_json::to_string(&plan).unwrap();
            assert!(serde_json::from_str::<UsagePlan>(&text).is_ok(), "{text}");
            applied
        });
    }
}
