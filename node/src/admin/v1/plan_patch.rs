//! What a patch may change of a usage plan (reference 1.2).

use serde_json::Value;
use tollgate_aws::AwsError;
use tollgate_model::{ApiStage, OnPartition, Period, Quota, Throttle, UsagePlan};
use tollgate_protocol::Rate;
use tollgate_protocol::ids::{ApiId, StageName};

use super::patch::Patch;

const PATHS: [&str; 12] = [
    "/name",
    "/description",
    "/quota",
    "/quota/limit",
    "/quota/offset",
    "/quota/period",
    "/throttle",
    "/throttle/rateLimit",
    "/throttle/burstLimit",
    "/onPartition",
    "/apiStages",
    "/apiStages/{apiId}:{stage}/throttle/{resourcePath}/{httpMethod}/{rateLimit|burstLimit}",
];

/// Carries one operation out.
///
/// # Errors
/// `BadRequestException` for a path, an operation or a value that it does not take;
/// `NotFoundException` for a stage that is not in the plan.
pub(super) fn apply(plan: &mut UsagePlan, patch: &Patch) -> Result<(), AwsError> {
    let segments = patch.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let sets = matches!(patch.op.as_str(), "add" | "replace");
    match (patch.op.as_str(), segments.as_slice()) {
        ("replace", ["name"]) => patch.value()?.clone_into(&mut plan.name),
        ("replace", ["description"]) => plan.description = patch.optional(),
        ("remove", ["quota"]) => plan.quota = None,
        ("remove", ["throttle"]) => plan.throttle = None,
        ("add", ["apiStages"]) => add_stage(plan, patch)?,
        ("remove", ["apiStages"]) => {
            let at = stage_at(plan, patch.value()?)?;
            plan.api_stages.remove(at);
        }
        ("remove", ["onPartition"]) => plan.on_partition = OnPartition::default(),
        (_, ["onPartition"]) if sets => plan.on_partition = on_partition(patch.value()?)?,
        (_, ["quota", member]) if sets => {
            quota(plan.quota.get_or_insert_default(), member, patch)?;
        }
        (_, ["throttle", member]) if sets => {
            plan.throttle = Some(throttle(plan.throttle, member, patch)?);
        }
        (op, ["apiStages", name, "throttle", rest @ ..]) => {
            let at = stage_at(plan, name)?;
            stage_throttle(&mut plan.api_stages[at], op, rest, patch)?;
        }
        _ => return Err(patch.refused(&PATHS)),
    }
    Ok(())
}

fn on_partition(value: &str) -> Result<OnPartition, AwsError> {
    match value {
        "lease" => Ok(OnPartition::Lease),
        "deny" => Ok(OnPartition::Deny),
        "allow" => Ok(OnPartition::Allow),
        _ => Err(AwsError::bad_request(
            "what a node that is cut off does about a quota is lease, deny or allow",
        )),
    }
}

fn quota(quota: &mut Quota, member: &str, patch: &Patch) -> Result<(), AwsError> {
    match member {
        "limit" => quota.limit = patch.parse()?,
        "offset" => quota.offset = patch.parse()?,
        "period" => {
            quota.period = match patch.value()? {
                "DAY" => Period::Day,
                "WEEK" => Period::Week,
                "MONTH" => Period::Month,
                _ => {
                    return Err(AwsError::bad_request(
                        "the period of a quota is DAY, WEEK or MONTH",
                    ));
                }
            };
        }
        _ => return Err(patch.refused(&PATHS)),
    }
    Ok(())
}

/// A limit with one half changed. The other half of a new one is what [`Throttle::of`] says.
fn throttle(known: Option<Throttle>, member: &str, patch: &Patch) -> Result<Throttle, AwsError> {
    let (mut burst, mut rate) = (
        known.map(|it| it.burst_limit),
        known.map(|it| it.rate_limit),
    );
    match member {
        "burstLimit" => burst = Some(patch.parse()?),
        "rateLimit" => {
            rate = Some(Rate::from_f64(patch.parse()?).ok_or_else(|| {
                AwsError::bad_request(format!("Invalid patch value for path {}", patch.path))
            })?);
        }
        _ => return Err(patch.refused(&PATHS)),
    }
    Ok(Throttle::of(burst, rate))
}

/// `~1pets/GET/rateLimit`, `~1pets/GET`, or nothing for the whole map as JSON.
fn stage_throttle(
    stage: &mut ApiStage,
    op: &str,
    rest: &[&str],
    patch: &Patch,
) -> Result<(), AwsError> {
    match (op, rest) {
        ("replace" | "add", []) => {
            let map: Value = patch.parse()?;
            stage.throttle = serde_json::from_value(map).map_err(|_| {
                AwsError::bad_request(format!("Invalid patch value for path {}", patch.path))
            })?;
        }
        ("remove", []) => stage.throttle.clear(),
        ("replace" | "add", [path, method, member]) => {
            let key = method_key(path, method);
            let changed = throttle(stage.throttle.get(&key).copied(), member, patch)?;
            stage.throttle.insert(key, changed);
        }
        ("remove", [path, method] | [path, method, _]) => {
            stage.throttle.remove(&method_key(path, method));
        }
        _ => return Err(patch.refused(&PATHS)),
    }
    Ok(())
}

/// AWS's form: `/pets/GET`.
fn method_key(path: &str, method: &str) -> String {
    format!("{path}/{method}")
}

fn add_stage(plan: &mut UsagePlan, patch: &Patch) -> Result<(), AwsError> {
    let (api_id, stage) = stage_name(patch.value()?)?;
    let mut stages = plan.api_stages.iter();
    if !stages.any(|it| it.api_id == api_id && it.stage == stage) {
        plan.api_stages.push(ApiStage {
            api_id,
            stage,
            ..ApiStage::default()
        });
    }
    Ok(())
}

fn stage_at(plan: &UsagePlan, name: &str) -> Result<usize, AwsError> {
    let (api_id, stage) = stage_name(name)?;
    let mut stages = plan.api_stages.iter();
    stages
        .position(|it| it.api_id == api_id && it.stage == stage)
        .ok_or_else(|| AwsError::not_found(format!("API Stage not found: {name}")))
}

fn stage_name(text: &str) -> Result<(ApiId, StageName), AwsError> {
    match text.split_once(':') {
        Some((api, stage)) if !api.is_empty() && !stage.is_empty() => {
            Ok((api.into(), stage.into()))
        }
        _ => Err(AwsError::bad_request(
            "Invalid API Stage specified. Must be in the form 'apiId:stage'",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_node_does_that_is_cut_off_is_changed_and_taken_back() {
        let patch = |op: &str, value: Option<&str>| Patch {
            op: op.into(),
            path: "/onPartition".into(),
            value: value.map(Into::into),
        };
        let mut plan = UsagePlan::default();
        for (op, value, wanted) in [
            ("replace", Some("deny"), OnPartition::Deny),
            ("add", Some("allow"), OnPartition::Allow),
            ("replace", Some("lease"), OnPartition::Lease),
            ("add", Some("deny"), OnPartition::Deny),
            ("remove", None, OnPartition::Lease),
        ] {
            apply(&mut plan, &patch(op, value)).unwrap();
            assert_eq!(plan.on_partition, wanted, "{op} {value:?}");
        }
        for (op, value) in [
            ("replace", Some("perhaps")),
            ("replace", None),
            ("copy", Some("deny")),
        ] {
            let refused = apply(&mut plan, &patch(op, value)).unwrap_err();
            assert_eq!(
                refused.kind,
                tollgate_aws::ErrorKind::BadRequest,
                "{op} {value:?}"
            );
            assert_eq!(plan.on_partition, OnPartition::Lease);
        }
    }
}
