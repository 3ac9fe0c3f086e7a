//! API keys from a CSV file (reference 13: API key file format).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::json;
use tollgate_aws::AwsError;
use tollgate_model::{ApiKey, Mark, Model, kind, mark};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::{KeyId, PlanId};

use super::api_keys::{VALUE_CHARS, touch};
use crate::admin::call::Call;
use crate::admin::change::{LooksAt, RESTS_ON_MAX, change};
use crate::admin::reply::{Outcome, Reply};

/// Keys of one file. The body's bound leaves room for about as many.
const ROWS_MAX: usize = 100_000;

/// A row of the file. The key is secret, so there is no `Debug`.
#[derive(Clone, Default)]
struct Row {
    line: usize,
    name: String,
    key: String,
    description: Option<String>,
    enabled: bool,
    plans: Vec<PlanId>,
}

/// `POST /apikeys?mode=import&format=csv[&failonwarnings=true]`. A key whose value is there
/// already is updated.
pub(super) async fn run(call: &Call<'_>) -> Outcome {
    if call.parameter("format").as_deref() != Some("csv") {
        return Err(AwsError::bad_request("format must be csv"));
    }
    let text = std::str::from_utf8(call.body)
        .map_err(|_| AwsError::bad_request("the file is not UTF-8"))?;
    let rows = rows(text)?;
    let strict = call.flag("failonwarnings");
    let plans: BTreeSet<Mark> = rows
        .iter()
        .flat_map(|row| &row.plans)
        .map(|id| mark(kind::USAGE_PLAN, id.as_str()))
        .collect();
    let plans: Vec<Mark> = plans.into_iter().collect();
    let looks_at = if rows.len() < RESTS_ON_MAX {
        LooksAt::Only(&plans)
    } else {
        LooksAt::Everything
    };
    let changed = change(call, looks_at, |model, now| {
        let mut warnings = Vec::new();
        let mut ids = Vec::new();
        let mut next = model.clone();
        let mut by_value = HashMap::new();
        let holder = call.state.runtime.key_holders(model);
        for row in &rows {
            let old = by_value.get(&row.key).cloned();
            let old = old.or_else(|| holder(&row.key));
            match import(call, &mut next, old, row, now) {
                Ok(id) => {
                    by_value.insert(row.key.clone(), id.clone());
                    ids.push(id);
                }
                Err(why) => warnings.push(format!("line {}: {why}", row.line)),
            }
        }
        if strict && !warnings.is_empty() {
            return Err(AwsError::bad_request(warnings.join("; ")));
        }
        let ids: BTreeSet<KeyId> = ids.into_iter().collect();
        Ok((next, json!({"ids": ids, "warnings": warnings})))
    })
    .await?;
    Ok(Reply::json(201, changed.value))
}

fn import(
    call: &Call<'_>,
    model: &mut Model,
    old: Option<KeyId>,
    row: &Row,
    now: Millis,
) -> Result<KeyId, String> {
    if !VALUE_CHARS.contains(&row.key.chars().count()) {
        return Err(format!(
            "a key has {} to {} characters",
            VALUE_CHARS.start(),
            VALUE_CHARS.end()
        ));
    }
    if let Some(plan) = row
        .plans
        .iter()
        .find(|plan| !model.usage_plans.contains_key(*plan))
    {
        return Err(format!("there is no usage plan {plan}"));
    }
    let old = old.and_then(|id| model.api_keys.get(&id)).map(Arc::clone);
    let old = old.as_deref();
    let mut key = old.map_or_else(
        || ApiKey {
            id: KeyId::from(call.seed.id(&format!("key {}", row.line), 10)),
            value: row.key.clone(),
            created_date: now,
            last_updated_date: now,
            ..ApiKey::default()
        },
        ApiKey::clone,
    );
    key.name.clone_from(&row.name);
    key.description.clone_from(&row.description);
    key.enabled = row.enabled;
    for plan in &row.plans {
        if !key.usage_plans.contains(plan) {
            key.usage_plans.push(plan.clone());
        }
    }
    if let Some(old) = old {
        touch(old, &mut key, now);
    }
    let id = key.id.clone();
    model.api_keys.insert(id.clone(), Arc::new(key));
    Ok(id)
}

/// The rows of a file: a header line names the columns, in any order and case.
fn rows(text: &str) -> Result<Vec<Row>, AwsError> {
    let mut records = records(text)?.into_iter();
    let (_, header) = records
        .next()
        .ok_or_else(|| AwsError::bad_request("the file is empty"))?;
    let column = |name: &str| {
        header
            .iter()
            .position(|it| it.trim().eq_ignore_ascii_case(name))
    };
    let (Some(name), Some(key)) = (column("name"), column("key")) else {
        return Err(AwsError::bad_request(
            "the first line must name the columns, among them Name and Key",
        ));
    };
    let (description, enabled) = (column("description"), column("enabled"));
    let plans = column("usageplanids");
    let row = |(line, cells): (usize, Vec<String>)| {
        let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).map(|it| it.trim());
        let text = |at| cell(at).unwrap_or_default().to_owned();
        Row {
            line,
            name: text(Some(name)),
            key: text(Some(key)),
            description: cell(description)
                .filter(|it| !it.is_empty())
                .map(str::to_owned),
            enabled: cell(enabled).is_none_or(|it| !it.eq_ignore_ascii_case("false")),
            plans: text(plans)
                .split([',', ';', ' '])
                .filter(|it| !it.is_empty())
                .map(PlanId::from)
                .collect(),
        }
    };
    Ok(records.map(row).collect())
}

/// Records of comma separated values with their lines (RFC 4180: quotes may hold commas, line
/// ends and doubled quotes).
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, AwsError> {
    let mut out = Vec::new();
    let (mut cells, mut cell) = (Vec::new(), String::new());
    let (mut line, mut first_line) = (1, 1);
    let mut quoted = false;
    let mut chars = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                cells.push(std::mem::take(&mut cell));
                push_record(&mut out, first_line, std::mem::take(&mut cells))?;
                line += 1;
                first_line = line;
            }
            other => {
                line += usize::from(other == '\n');
                cell.push(other);
            }
        }
    }
    if quoted {
        return Err(AwsError::bad_request(format!(
            "the quote in the record of line {first_line} does not end"
        )));
    }
    cells.push(cell);
    push_record(&mut out, first_line, cells)?;
    Ok(out)
}

fn push_record(
    out: &mut Vec<(usize, Vec<String>)>,
    line: usize,
    cells: Vec<String>,
) -> Result<(), AwsError> {
    if cells.iter().all(|cell| cell.trim().is_empty()) {
        return Ok(());
    }
    if out.len() > ROWS_MAX {
        return Err(AwsError::bad_request(format!(
            "at most {ROWS_MAX} keys at once"
        )));
    }
    out.push((line, cells));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_in_any_order_and_case() {
        let text = "\u{feff}key,NAME,ignored,enabled,UsagePlanIds\r\n\
                    abcdefghijklmnopqrstuvwx,\"Doe, \"\"J\"\"\",x,FALSE,\"p1,p2\"\r\n\r\n\
                    zyxwvutsrqponmlkjihgfedc,two\n";
        let rows = rows(text).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].name.as_str(), rows[0].line), (r#"Doe, "J""#, 2));
        assert!(!rows[0].enabled && rows[1].enabled);
        assert_eq!(rows[0].plans, ["p1".into(), "p2".into()] as [PlanId; 2]);
        assert_eq!((rows[1].key.len(), rows[1].line), (24, 4));
        assert_eq!(rows[1].description, None);
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        for text in ["", "\n\n", "name\nx", "name,key\n\"open"] {
            assert!(rows(text).is_err(), "{text:?}");
        }
    }
}
