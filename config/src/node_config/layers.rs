//! Flags, environment and file as one tree, the stronger layer over the weaker one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tollgate_protocol::codes::NODE_CONFIG;

use super::{
    DEFAULT_FILE, ENVIRONMENT_PREFIX, NodeConfig, Overrides, Settings, resolve, toml_tree,
};
use crate::diagnostic::{Diagnostic, is_secret_key, nearest};
use crate::document::{Entry, Node, Place, Report, TreePath, Value, check, read_bounded};

/// Bytes of `node.toml`.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The variable that names the file, which is no setting.
const FILE_VARIABLE: &str = "TOLLGATE_CONFIG";

pub(super) fn load(
    file: Option<&Path>,
    flags: &Overrides,
    environment: BTreeMap<String, String>,
) -> Result<(NodeConfig, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut report = Report::with_code(&NODE_CONFIG);
    let schema = super::schema();
    let mut entries = BTreeMap::new();
    let named = file
        .map(Path::to_path_buf)
        .or_else(|| environment.get(FILE_VARIABLE).map(PathBuf::from));
    let default = || Some(PathBuf::from(DEFAULT_FILE)).filter(|it| it.is_file());
    if let Some(path) = named.or_else(default) {
        read_file(&path, &schema, &mut entries, &mut report);
    }
    read_environment(environment, &schema, &mut entries, &mut report);
    read_flags(flags, &mut entries, &mut report);
    let root = Node::new(
        Value::Mapping(entries.into_values().collect()),
        Place::default(),
    );
    let settings = settings(check(&schema, &root, &mut report), &root, &mut report);
    let config = resolve::resolve(&settings, &root, &mut report);
    let failed = report.has_errors();
    let findings = report.into_findings();
    if failed {
        Err(findings)
    } else {
        Ok((config, findings))
    }
}

fn settings(json: Json, root: &Node, report: &mut Report) -> Settings {
    match serde_json::from_value(json) {
        Ok(settings) => settings,
        Err(error) => {
            let reason = format!("the configuration cannot be read: {error}");
            report.error(root.place, &TreePath::default(), reason);
            Settings::default()
        }
    }
}

fn read_file(
    path: &Path,
    schema: &Json,
    entries: &mut BTreeMap<String, Entry>,
    report: &mut Report,
) {
    let name = path.to_string_lossy().into_owned();
    let text = match read_bounded(path, FILE_BYTES_MAX) {
        Ok(text) => text,
        Err(reason) => return report.error_in(&name, reason),
    };
    let base = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let index = report.add_source(name, text.clone(), base);
    let Some(root) = toml_tree::parse(report, index, &text) else {
        return;
    };
    report.learn_secrets(index, &root);
    // The file is checked alone as well: a mistake in it is a mistake even when a flag covers it.
    let Value::Mapping(members) = root.value else {
        return;
    };
    for member in members {
        let covered = Node::new(Value::Mapping(vec![member.clone()]), member.key_place);
        let before = report.findings.len();
        check(schema, &covered, report);
        if report.findings.len() == before {
            entries.insert(member.key.clone(), member);
        }
    }
}

fn read_environment(
    environment: BTreeMap<String, String>,
    schema: &Json,
    entries: &mut BTreeMap<String, Entry>,
    report: &mut Report,
) {
    let known: Vec<String> = schema["properties"]
        .as_object()
        .map(|it| it.keys().cloned().collect())
        .unwrap_or_default();
    for (name, text) in environment {
        if name == FILE_VARIABLE {
            continue;
        }
        let key = name[ENVIRONMENT_PREFIX.len()..].to_ascii_lowercase();
        let index = report.add_source(name.clone(), String::new(), PathBuf::new());
        let place = Place {
            file: index,
            ..Place::default()
        };
        if !known.contains(&key) {
            // Other programs may use the prefix, so this stops nothing.
            let reason = format!("no setting has the name `{name}`");
            let suggestion = nearest(&key, known.iter().map(String::as_str))
                .map(|it| format!("{ENVIRONMENT_PREFIX}{}", it.to_ascii_uppercase()));
            report.warning(place, &TreePath::default(), reason).nearest = suggestion;
            continue;
        }
        let is_list = schema["properties"][&key]["type"]
            .as_array()
            .is_some_and(|types| types.iter().any(|it| it == "array"));
        let value = if is_list {
            let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
            Value::Sequence(items.map(|it| text_node(it, place)).collect())
        } else {
            Value::String(text)
        };
        let mut node = Node::new(value, place);
        node.expanded = true;
        insert(entries, key, node);
    }
}

fn read_flags(flags: &Overrides, entries: &mut BTreeMap<String, Entry>, report: &mut Report) {
    let Ok(Json::Object(members)) = serde_json::to_value(flags) else {
        return;
    };
    for (key, value) in members {
        if value.is_null() {
            continue;
        }
        let name = format!("--{}", key.replace('_', "-"));
        let index = report.add_source(name, String::new(), PathBuf::new());
        let place = Place {
            file: index,
            ..Place::default()
        };
        let mut node = from_json(value, place);
        node.expanded = is_secret_key(&key);
        insert(entries, key, node);
    }
}

fn insert(entries: &mut BTreeMap<String, Entry>, key: String, node: Node) {
    let entry = Entry {
        key: key.clone(),
        key_place: node.place,
        node,
    };
    entries.insert(key, entry);
}

fn text_node(text: &str, place: Place) -> Node {
    Node::new(Value::String(text.to_owned()), place)
}

fn from_json(value: Json, place: Place) -> Node {
    let value = match value {
        Json::Null | Json::Object(_) => Value::Null,
        Json::Bool(it) => Value::Bool(it),
        Json::Number(it) => {
            let text = it.to_string().into();
            Value::Number(it, text)
        }
        Json::String(it) => Value::String(it),
        Json::Array(items) => {
            Value::Sequence(items.into_iter().map(|it| from_json(it, place)).collect())
        }
    };
    Node::new(value, place)
}
