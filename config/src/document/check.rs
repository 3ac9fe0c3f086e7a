//! A tree against the JSON Schema of what it should be.
//!
//! An own walker instead of a general validator, because its messages can name the nearest valid
//! key, point at the key or the value, and forgive what YAML makes people write (`version: 1.0`
//! where a string is wanted). It understands the part of JSON Schema that schemars emits.
//!
//! The result is plain JSON without the members that were wrong, so that everything else can still
//! be checked: all errors of a file come at once.

use serde_json::{Map, Value as Json};

use super::report::Report;
use super::tree::{Entry, Node, Path, Place, Value};
use super::yaml::parse_number;
use crate::diagnostic::nearest;

/// Checks `node` against `schema`, whose definitions are in `$defs`.
pub(crate) fn check(schema: &Json, node: &Node, report: &mut Report) -> Json {
    check_part(schema, node, node.place, &Path::default(), report)
}

/// Checks a part of a document: `path` leads to it, `key` is where it is named.
pub(crate) fn check_part(
    schema: &Json,
    node: &Node,
    key: Place,
    path: &Path,
    report: &mut Report,
) -> Json {
    let mut checker = Checker {
        root: schema,
        report,
    };
    let json = checker.value(schema, node, key, path);
    json.unwrap_or_else(|| Json::Object(Map::new()))
}

struct Checker<'c> {
    root: &'c Json,
    report: &'c mut Report,
}

impl<'c> Checker<'c> {
    /// The checked value; `None` when nothing of it can be used. `key` is where it is named.
    fn value(&mut self, schema: &'c Json, node: &Node, key: Place, path: &Path) -> Option<Json> {
        let schema = self.choose(schema, node);
        if let Some(names) = constants(schema) {
            return self.constant(&names, node, path);
        }
        let Some(kind) = kind_of(schema) else {
            if let Some(choices) = alternatives(schema) {
                let wanted: Vec<_> = choices
                    .iter()
                    .filter_map(|it| kind_of(self.resolve(it)))
                    .map(in_words)
                    .collect();
                return self.mismatch(&wanted.join(" or "), node, key, path);
            }
            return Some(node.to_json());
        };
        match kind {
            "object" => self.object(schema, node, key, path),
            "array" => self.array(schema, node, key, path),
            "string" => match (&node.value, node.text()) {
                (Value::Bool(it), _) => Some(Json::String(it.to_string())),
                (_, Some(text)) => Some(Json::String(text.into())),
                _ => self.mismatch("a string", node, key, path),
            },
            "boolean" => match (&node.value, node.text()) {
                (Value::Bool(it), _) => Some(Json::Bool(*it)),
                (_, Some("true")) if node.expanded => Some(Json::Bool(true)),
                (_, Some("false")) if node.expanded => Some(Json::Bool(false)),
                _ => self.mismatch("true or false", node, key, path),
            },
            "integer" | "number" => self.number(schema, kind == "integer", node, path),
            _ => Some(node.to_json()),
        }
    }

    fn object(&mut self, schema: &'c Json, node: &Node, key: Place, path: &Path) -> Option<Json> {
        let Value::Mapping(entries) = &node.value else {
            return self.mismatch("a mapping", node, key, path);
        };
        let properties = schema.get("properties").and_then(Json::as_object);
        let others = schema
            .get("additionalProperties")
            .filter(|it| it.as_bool() != Some(false));
        let mut out = Map::new();
        for entry in entries {
            let inner = path.key(&entry.key);
            let property = properties.and_then(|it| it.get(&entry.key));
            let Some(member) = property.or(others) else {
                let names = properties.into_iter().flat_map(Map::keys);
                self.unknown_key(entry, names.map(String::as_str), &inner);
                continue;
            };
            // An empty value in YAML is a member that is not there.
            if entry.node.value == Value::Null && property.is_some() {
                continue;
            }
            let checked = self.value(member, &entry.node, entry.key_place, &inner);
            if let Some(checked) = checked {
                out.insert(entry.key.clone(), checked);
            }
        }
        self.required(schema, node, key, path);
        Some(Json::Object(out))
    }

    fn required(&mut self, schema: &Json, node: &Node, key: Place, path: &Path) {
        let names = schema.get("required").and_then(Json::as_array);
        for name in names.into_iter().flatten().filter_map(Json::as_str) {
            let missing = node
                .get(name)
                .is_none_or(|member| member.value == Value::Null);
            if missing {
                self.report
                    .error(key, path, format!("the member `{name}` is missing"));
            }
        }
    }

    fn unknown_key<'n>(
        &mut self,
        entry: &Entry,
        names: impl Iterator<Item = &'n str> + Clone,
        path: &Path,
    ) {
        let suggestion = nearest(&entry.key, names.clone()).map(str::to_owned);
        let mut reason = format!("unknown key `{}`", entry.key);
        if suggestion.is_none() {
            let all: Vec<_> = names.collect();
            if !all.is_empty() {
                reason = format!("{reason}; the keys here are {}", all.join(", "));
            }
        }
        self.report.error(entry.key_place, path, reason).nearest = suggestion;
    }

    fn array(&mut self, schema: &'c Json, node: &Node, key: Place, path: &Path) -> Option<Json> {
        let Value::Sequence(items) = &node.value else {
            return self.mismatch("a list", node, key, path);
        };
        let Some(inner) = schema.get("items") else {
            return Some(node.to_json());
        };
        let mut out = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            // A bad item leaves an empty one behind, so that indexes stay true.
            let checked = self.value(inner, item, item.place, &path.index(index));
            out.push(checked.unwrap_or_else(|| self.empty(inner)));
        }
        Some(Json::Array(out))
    }

    fn empty(&self, schema: &'c Json) -> Json {
        let schema = self.resolve(schema);
        if let Some(first) = constants(schema).and_then(|it| it.first().copied()) {
            return Json::String(first.into());
        }
        let kind = kind_of(schema).or_else(|| {
            let first = alternatives(schema)?.first()?;
            kind_of(self.resolve(first))
        });
        match kind {
            Some("array") => Json::Array(Vec::new()),
            Some("string") => Json::String(String::new()),
            Some("integer" | "number") => Json::from(0),
            Some("boolean") => Json::Bool(false),
            _ => Json::Object(Map::new()),
        }
    }

    fn constant(&mut self, names: &[&str], node: &Node, path: &Path) -> Option<Json> {
        if let Some(text) = node.text()
            && names.contains(&text)
        {
            return Some(Json::String(text.into()));
        }
        let reason = format!("expected one of {}", names.join(", "));
        let suggestion = node
            .text()
            .and_then(|text| nearest(text, names.iter().copied()))
            .map(str::to_owned);
        let shown = self.report.shown(node, node.place);
        let diagnostic = self.report.error(node.place, path, reason);
        diagnostic.nearest = suggestion;
        diagnostic.value = shown;
        None
    }

    fn number(&mut self, schema: &Json, whole: bool, node: &Node, path: &Path) -> Option<Json> {
        let expanded = node.text().filter(|_| node.expanded).and_then(parse_number);
        let number = match (&node.value, expanded) {
            (Value::Number(it, _), _) => it.clone(),
            (_, Some(it)) => it,
            _ => {
                let wanted = if whole { "a whole number" } else { "a number" };
                return self.mismatch(wanted, node, node.place, path);
            }
        };
        let value = number.as_f64().unwrap_or(f64::NAN);
        let (low, high) = range(schema);
        let in_range = low.is_none_or(|it| value >= it) && high.is_none_or(|it| value <= it);
        let integral = !whole || number.is_u64() || number.is_i64();
        if in_range && integral {
            return Some(Json::Number(number));
        }
        let noun = if whole { "a whole number" } else { "a number" };
        let bounds = match (low, high) {
            (Some(low), Some(high)) if low >= high => format!(": {low}"),
            (Some(low), Some(high)) => format!(" from {low} to {high}"),
            (Some(low), None) => format!(" of at least {low}"),
            (None, Some(high)) => format!(" of at most {high}"),
            (None, None) => String::new(),
        };
        let shown = self.report.shown(node, node.place);
        let found = shown
            .as_ref()
            .map_or_else(String::new, |it| format!(", found {it}"));
        let reason = format!("expected {noun}{bounds}{found}");
        self.report.error(node.place, path, reason).value = shown;
        None
    }

    fn mismatch(&mut self, wanted: &str, node: &Node, key: Place, path: &Path) -> Option<Json> {
        let place = match node.value {
            Value::Sequence(_) | Value::Mapping(_) | Value::Null => key,
            _ => node.place,
        };
        let shown = self.report.shown(node, node.place);
        let found = node.kind();
        let hint = match (&node.value, wanted) {
            (Value::String(_) | Value::Number(..), "a list") => ": write it in [brackets]",
            _ => "",
        };
        let reason = format!("expected {wanted}, found {found}{hint}");
        self.report.error(place, path, reason).value = shown;
        None
    }

    /// Follows references, and of alternatives takes the one that fits the kind of the node.
    fn choose(&self, schema: &'c Json, node: &Node) -> &'c Json {
        let schema = self.resolve(schema);
        let Some(choices) = alternatives(schema) else {
            return schema;
        };
        if constants(schema).is_some() {
            return schema;
        }
        let mut real = choices
            .iter()
            .map(|it| self.resolve(it))
            .filter(|it| kind_of(it) != Some("null"));
        let fits = |it: &&Json| match kind_of(it) {
            Some("object") => matches!(node.value, Value::Mapping(_)),
            Some("array") => matches!(node.value, Value::Sequence(_)),
            _ => !matches!(node.value, Value::Mapping(_) | Value::Sequence(_)),
        };
        let only = real.clone().count() == 1;
        let found = if only { real.next() } else { real.find(fits) };
        found.map_or(schema, |it| self.choose(it, node))
    }

    fn resolve(&self, schema: &'c Json) -> &'c Json {
        let mut schema = schema;
        // Definitions do not refer to each other in circles without a value between.
        for _ in 0..8 {
            let Some(name) = schema
                .get("$ref")
                .and_then(Json::as_str)
                .and_then(|it| it.strip_prefix("#/$defs/"))
            else {
                break;
            };
            match self.root.get("$defs").and_then(|it| it.get(name)) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }
}

fn alternatives(schema: &Json) -> Option<&Vec<Json>> {
    let it = schema.get("anyOf").or_else(|| schema.get("oneOf"))?;
    it.as_array()
}

/// The type of a schema, `null` beside another left out.
fn kind_of(schema: &Json) -> Option<&str> {
    match schema.get("type")? {
        Json::String(it) => Some(it),
        Json::Array(all) => all.iter().filter_map(Json::as_str).find(|it| *it != "null"),
        _ => None,
    }
}

/// The names that a schema of constants allows.
fn constants(schema: &Json) -> Option<Vec<&str>> {
    if let Some(names) = schema.get("enum").and_then(Json::as_array) {
        return Some(names.iter().filter_map(Json::as_str).collect());
    }
    if let Some(one) = schema.get("const").and_then(Json::as_str) {
        return Some(vec![one]);
    }
    let mut out = Vec::new();
    for choice in schema.get("oneOf")?.as_array()? {
        out.extend(constants(choice)?);
    }
    Some(out)
}

fn range(schema: &Json) -> (Option<f64>, Option<f64>) {
    let (low, high) = match schema.get("format").and_then(Json::as_str) {
        Some("uint8") => (Some(0.0), Some(f64::from(u8::MAX))),
        Some("uint16") => (Some(0.0), Some(f64::from(u16::MAX))),
        Some("uint32") => (Some(0.0), Some(f64::from(u32::MAX))),
        Some("uint" | "uint64") => (Some(0.0), None),
        Some("int32") => (Some(f64::from(i32::MIN)), Some(f64::from(i32::MAX))),
        _ => (None, None),
    };
    let bound = |name: &str| schema.get(name).and_then(Json::as_f64);
    (bound("minimum").or(low), bound("maximum").or(high))
}

fn in_words(kind: &str) -> &'static str {
    match kind {
        "object" => "a mapping",
        "array" => "a list",
        "string" => "a string",
        "boolean" => "true or false",
        _ => "a number",
    }
}
