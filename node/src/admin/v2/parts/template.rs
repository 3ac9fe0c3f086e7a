//! A mapping template from a model: what passes each member of the schema on under its own name
//! (reference 11: AWS offers one as a beginning).

use std::fmt::Write as _;

use serde_json::Value;

/// How deep structures of a schema are followed.
const DEPTH_MAX: usize = 16;
/// Bytes of a template, beyond which members are left out.
const BYTES_MAX: usize = 64 * 1024;

/// The template for a schema; one that is none passes the input on as it is.
pub(super) fn of_schema(schema: &str) -> String {
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let mut writer = Writer {
        root: &schema,
        out: "#set($inputRoot = $input.path('$'))\n".into(),
    };
    writer.value(&schema, "$inputRoot", 0);
    writer.out
}

struct Writer<'s> {
    root: &'s Value,
    out: String,
}

impl<'s> Writer<'s> {
    fn value(&mut self, schema: &'s Value, from: &str, depth: usize) {
        if self.out.len() + from.len() > BYTES_MAX {
            return;
        }
        let schema = self.resolve(schema);
        let properties = schema["properties"].as_object();
        let bounded = depth < DEPTH_MAX && self.out.len() < BYTES_MAX;
        match (schema["type"].as_str(), properties) {
            (Some("array"), _) if bounded => {
                let item = format!("$elem{depth}");
                // Writing to a string cannot fail.
                let _ok = writeln!(self.out, "[\n#foreach({item} in {from})");
                self.value(&schema["items"], &item, depth + 1);
                self.out.push_str("#if($foreach.hasNext),#end\n#end\n]");
            }
            (_, Some(properties)) if bounded => {
                self.out.push_str("{\n");
                let pad = "  ".repeat(depth + 1);
                for (index, (name, inner)) in properties.iter().enumerate() {
                    if self.out.len() >= BYTES_MAX {
                        break;
                    }
                    let comma = if index == 0 { "" } else { ",\n" };
                    let name = name.replace(['"', '\\', '$', '#'], "");
                    let _ok = write!(self.out, "{comma}{pad}\"{name}\" : ");
                    self.value(inner, &format!("{from}.{name}"), depth + 1);
                }
                let _ok = write!(self.out, "\n{}}}", "  ".repeat(depth));
            }
            (Some("integer" | "number" | "boolean" | "null"), _) => self.out.push_str(from),
            (Some("string"), _) => {
                let _ok = write!(self.out, "\"{from}\"");
            }
            // Of anything else only the input knows what it is.
            _ => self.out.push_str(from),
        }
    }

    /// Follows references within the schema, as often as they can lead on without a circle.
    fn resolve(&self, schema: &'s Value) -> &'s Value {
        let mut schema = schema;
        for _ in 0..DEPTH_MAX {
            let Some(pointer) = schema["$ref"].as_str().and_then(|it| it.strip_prefix('#')) else {
                break;
            };
            match self.root.pointer(pointer) {
                Some(found) => schema = found,
                None => break,
            }
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_names_every_member() {
        let schema = r##"{"type": "object", "properties": {
            "id": {"type": "integer"}, "name": {"type": "string"},
            "tags": {"type": "array", "items": {"$ref": "#/definitions/tag"}}},
            "definitions": {"tag": {"type": "object", "properties": {"k": {"type": "string"}}}}}"##;
        let text = of_schema(schema);
        let wanted = "#set($inputRoot = $input.path('$'))\n{\n  \"id\" : $inputRoot.id,\n  \
                      \"name\" : \"$inputRoot.name\",\n  \"tags\" : [\n#foreach($elem1 in \
                      $inputRoot.tags)\n{\n      \"k\" : \"$elem1.k\"\n    }#if($foreach.hasNext),#end\n#end\n]\n}";
        assert_eq!(text, wanted);
    }

    #[test]
    fn circles_and_nonsense_end() {
        let circle =
            r##"{"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}}"##;
        assert!(of_schema(circle).len() < 10 * BYTES_MAX);
        assert!(of_schema(r##"{"$ref": "#"}"##).ends_with("$inputRoot"));
        assert!(of_schema("no schema").ends_with("$inputRoot"));
    }

    #[test]
    fn a_wide_circle_makes_no_more_than_its_bound() {
        let long = "n".repeat(3000);
        let mut properties = serde_json::Map::new();
        properties.insert(long, serde_json::json!({"$ref": "#"}));
        for number in 0..3000 {
            properties.insert(format!("p{number}"), serde_json::json!({}));
        }
        let schema = serde_json::json!({"type": "object", "properties": properties});
        let template = of_schema(&schema.to_string());
        assert!(template.len() < 2 * BYTES_MAX, "{}", template.len());
    }
}
