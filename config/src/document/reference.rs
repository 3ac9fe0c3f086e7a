//! The reference part of `docs/api-file.md`, generated from the schema so that it cannot drift.

use std::fmt::Write as _;

use serde_json::Value as Json;

/// The reference of the API file in Markdown: one table for every kind of object.
#[must_use]
pub fn reference() -> String {
    let schema = super::schema::compiled();
    let mut writer = Writer {
        schema,
        queue: Vec::new(),
        done: 0,
        out: String::new(),
    };
    writer.section("The file", schema);
    while let Some(name) = writer.queue.get(writer.done).cloned() {
        writer.done += 1;
        if let Some(definition) = schema["$defs"].get(&name) {
            writer.section(&title(&name), definition);
        }
    }
    writer.out
}

struct Writer<'s> {
    schema: &'s Json,
    /// Definitions in the order in which they are mentioned.
    queue: Vec<String>,
    done: usize,
    out: String,
}

impl<'s> Writer<'s> {
    fn section(&mut self, heading: &str, schema: &'s Json) {
        let properties = schema["properties"].as_object().into_iter().flatten();
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        let description = schema["description"].as_str().unwrap_or_default();
        let mut text = format!("### {heading}\n\n{description}\n\n");
        text.push_str("| Member | Type | Meaning |\n|---|---|---|\n");
        for (name, member) in properties {
            let kind = self.kind(member);
            let meaning = member["description"].as_str().unwrap_or_default();
            let mut meaning = meaning.replace('|', "\\|").replace('\n', " ");
            if required.contains(&name.as_str()) {
                meaning = format!("**Required.** {meaning}");
            } else if let Some(default) = plain_default(member) {
                meaning = format!("{meaning} Default `{default}`.");
            }
            // Writing to a string cannot fail.
            let _ok = writeln!(text, "| `{name}` | {kind} | {meaning} |");
        }
        text.push('\n');
        self.out.push_str(&text);
    }

    /// A type in words, with links to the sections of objects.
    fn kind(&mut self, schema: &'s Json) -> String {
        if let Some(name) = schema["$ref"]
            .as_str()
            .and_then(|it| it.strip_prefix("#/$defs/"))
        {
            return self.named(name);
        }
        if let Some(names) = constants(schema) {
            return names.join(", ");
        }
        if let Some(choices) = schema["anyOf"]
            .as_array()
            .or_else(|| schema["oneOf"].as_array())
        {
            let mut kinds: Vec<String> = choices
                .iter()
                .filter(|it| it["type"] != "null")
                .map(|it| self.kind(it))
                .collect();
            kinds.dedup();
            return kinds.join(" or ");
        }
        let kind = match &schema["type"] {
            Json::Array(all) => all.iter().filter_map(Json::as_str).find(|it| *it != "null"),
            other => other.as_str(),
        };
        match kind {
            Some("array") => format!("list of {}", self.kind(&schema["items"])),
            Some("object") => match schema.get("additionalProperties") {
                Some(inner) if inner.is_object() => format!("map to {}", self.kind(inner)),
                _ => "mapping".into(),
            },
            Some("integer") => "whole number".into(),
            Some("boolean") => "true or false".into(),
            Some(other) => other.into(),
            None => "anything".into(),
        }
    }

    fn named(&mut self, name: &str) -> String {
        let definition = &self.schema["$defs"][name];
        if !definition["properties"].is_object() {
            return self.kind(definition);
        }
        if !self.queue.iter().any(|it| it == name) {
            self.queue.push(name.to_owned());
        }
        let title = title(name);
        format!("[{title}](#{})", title.to_lowercase().replace(' ', "-"))
    }
}

/// The values of an enumeration.
fn constants(schema: &Json) -> Option<Vec<String>> {
    let choices = match (schema["enum"].as_array(), schema["oneOf"].as_array()) {
        (Some(names), _) => names.iter().map(Json::as_str).collect::<Option<Vec<_>>>()?,
        (None, Some(all)) => all
            .iter()
            .map(|it| it["const"].as_str())
            .collect::<Option<Vec<_>>>()?,
        _ => return None,
    };
    Some(choices.iter().map(|it| format!("`{it}`")).collect())
}

/// A default that says something: not nothing, not empty, and not said in the description.
fn plain_default(member: &Json) -> Option<String> {
    let default = member.get("default")?;
    let said = member["description"]
        .as_str()
        .is_some_and(|it| it.contains("efault"));
    let empty = match default {
        Json::Null => true,
        Json::String(it) => it.is_empty(),
        Json::Array(it) => it.is_empty(),
        Json::Object(_) => true,
        _ => false,
    };
    if said || empty {
        return None;
    }
    Some(
        default
            .as_str()
            .map_or_else(|| default.to_string(), str::to_owned),
    )
}

/// `ApiKeyItem` as a heading: `Api key`.
fn title(name: &str) -> String {
    let name = name.strip_suffix("Item").unwrap_or(name);
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push(' ');
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
    }
    out.replacen("Api", "API", 1)
}
