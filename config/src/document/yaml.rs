//! YAML and JSON text to a located tree, within bounds.
//!
//! granit-parser gives events with spans; JSON is read by the same parser, being a subset of
//! YAML 1.2 in all that configuration files use. Aliases are copied, so their copies count:
//! a document that doubles itself thirty times is refused at the first step past the bound.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, Tag};

use super::report::Report;
use super::tree::{Entry, Node, Path, Place, Value};

/// Nodes of a file, aliases followed: 100,000 API keys of 8 members, and a margin.
const NODES_MAX: usize = 2_000_000;
/// Nodes that come from following aliases.
const ALIASED_NODES_MAX: usize = 100_000;
/// Mappings and lists inside each other, aliases followed.
const DEPTH_MAX: usize = 64;
/// Bytes of a file.
pub(crate) const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A mapping or list that is not closed yet.
struct Frame {
    node: Node,
    anchor: usize,
    key: Option<(String, Place)>,
    seen: HashSet<String>,
}

struct Builder<'r> {
    report: &'r mut Report,
    file: u32,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    aliased: usize,
    /// Nodes that anchors keep copies of.
    anchored: usize,
    documents: usize,
    root: Option<Node>,
    /// A bound was passed: nothing more is read.
    stopped: bool,
}

/// Reads one document. What is wrong goes to the report; `None` when nothing can be used.
pub(crate) fn parse(report: &mut Report, file: u32, text: &str) -> Option<Node> {
    let start = Place {
        file,
        line: 1,
        column: 1,
        length: 1,
        last_line: 1,
    };
    if text.len() > FILE_BYTES_MAX {
        report.error(start, &Path::default(), "the file is larger than 64 MiB");
        return None;
    }
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut builder = Builder {
        report,
        file,
        stack: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        aliased: 0,
        anchored: 0,
        documents: 0,
        root: None,
        stopped: false,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => builder.event(event, span),
            Err(error) => {
                let at = error.marker();
                let place = Place {
                    file,
                    line: number(at.line()),
                    column: number(at.col() + 1),
                    length: 1,
                    last_line: number(at.line()),
                };
                let mut reason = error.info();
                // `GET /{proxy+}` inside braces is what people stumble over.
                if reason.contains("flow") {
                    reason.push_str("; texts that hold braces or brackets need quotes here");
                }
                builder.report.syntax_error(place, reason);
                return None;
            }
        }
        if builder.stopped {
            return None;
        }
    }
    let root = builder.root.take();
    root.or_else(|| Some(Node::new(Value::Null, start)))
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) {
        let place = self.place(span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents == 2 {
                    self.error(
                        place,
                        "a file holds one document; remove what follows `---`",
                    );
                    self.stopped = true;
                }
            }
            Event::Alias(id) => self.alias(id, place),
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref());
                self.check_tag(tag.as_deref(), place);
                self.finish(Node::new(value, place), anchor);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), place);
                self.open(Value::Sequence(Vec::new()), place, anchor);
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), place);
                self.open(Value::Mapping(Vec::new()), place, anchor);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(mut frame) = self.stack.pop() {
                    frame.node.place.last_line = place.line.max(frame.node.place.line);
                    merge_keys(&mut frame.node);
                    self.finish(frame.node, frame.anchor);
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, value: Value, place: Place, anchor: usize) {
        if self.stack.len() >= DEPTH_MAX {
            self.stop(
                place,
                "mappings and lists are nested more than 64 levels deep",
            );
            return;
        }
        self.stack.push(Frame {
            node: Node::new(value, Place { length: 1, ..place }),
            anchor,
            key: None,
            seen: HashSet::new(),
        });
    }

    fn alias(&mut self, id: usize, place: Place) {
        let Some(target) = self.anchors.get(&id) else {
            self.error(place, "an alias cannot refer to what contains it");
            self.finish(Node::new(Value::Null, place), 0);
            return;
        };
        let (count, depth) = measure(target);
        self.aliased += count;
        if self.aliased > ALIASED_NODES_MAX {
            self.stop(place, "aliases add more than 100000 nodes to the document");
        } else if self.stack.len() + depth > DEPTH_MAX {
            self.stop(
                place,
                "mappings and lists are nested more than 64 levels deep",
            );
        } else {
            let node = target.clone();
            self.nodes += count;
            self.finish(node, 0);
        }
    }

    /// Puts a complete node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            self.stop(node.place, "the document has more than 2000000 nodes");
            return;
        }
        if anchor > 0 && !self.keep(anchor, &node) {
            return;
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut frame.node.value {
            Value::Sequence(items) => items.push(node),
            Value::Mapping(entries) => match frame.key.take() {
                Some((key, key_place)) => entries.push(Entry {
                    key,
                    key_place,
                    node,
                }),
                None => self.key(node),
            },
            _ => {}
        }
    }

    /// Keeps a copy of what an anchor names; `false` past the bound. Anchors inside of each other
    /// copy what is in both.
    fn keep(&mut self, anchor: usize, node: &Node) -> bool {
        self.anchored += measure(node).0;
        if self.anchored > NODES_MAX {
            self.stop(node.place, "anchors name more than 2000000 nodes");
            return false;
        }
        self.anchors.insert(anchor, node.clone());
        true
    }

    fn key(&mut self, node: Node) {
        let text = match &node.value {
            Value::Sequence(_) | Value::Mapping(_) => {
                self.error(node.place, "a key must be a scalar");
                String::new()
            }
            Value::Null => "null".into(),
            Value::Bool(it) => it.to_string(),
            Value::Number(_, text) => text.to_string(),
            Value::String(text) => text.clone(),
        };
        let Some(frame) = self.stack.last_mut() else {
            return;
        };
        let duplicate = text != "<<" && !frame.seen.insert(text.clone());
        frame.key = Some((text.clone(), node.place));
        if duplicate {
            let reason = format!("the key `{text}` appears twice in this mapping");
            self.error(node.place, &reason);
        }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, place: Place) {
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema()) {
            self.error(place, "tags of other schemas are not understood");
        }
    }

    fn stop(&mut self, place: Place, reason: &str) {
        self.error(place, reason);
        self.stopped = true;
    }

    fn error(&mut self, place: Place, reason: &str) {
        self.report.error(place, &Path::default(), reason);
    }

    fn place(&self, span: Span) -> Place {
        let (start, end) = (span.start, span.end);
        let length = if start.line() == end.line() {
            number(end.col().saturating_sub(start.col()))
        } else {
            1
        };
        // A block scalar ends where the next token begins, on a line that is not its own.
        let last = if end.col() == 0 && end.line() > start.line() {
            end.line() - 1
        } else {
            end.line()
        };
        Place {
            file: self.file,
            line: number(start.line()),
            column: number(start.col() + 1),
            length: length.max(1),
            last_line: number(last),
        }
    }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// How many nodes, and how deep.
fn measure(node: &Node) -> (usize, usize) {
    let children: Vec<&Node> = match &node.value {
        Value::Sequence(items) => items.iter().collect(),
        Value::Mapping(entries) => entries.iter().map(|entry| &entry.node).collect(),
        _ => return (1, 0),
    };
    let mut total = 1;
    let mut deepest = 0;
    for child in children {
        let (count, depth) = measure(child);
        total += count;
        deepest = deepest.max(depth);
    }
    (total, deepest + 1)
}

/// `<<: *base` brings the members of `base` that the mapping does not have itself. In one pass: a
/// base may have as many members as a file can hold.
fn merge_keys(node: &mut Node) {
    let Value::Mapping(entries) = &mut node.value else {
        return;
    };
    if !entries.iter().any(|entry| entry.key == "<<") {
        return;
    }
    let (merged, own): (Vec<Entry>, Vec<Entry>) = std::mem::take(entries)
        .into_iter()
        .partition(|entry| entry.key == "<<");
    let mut known: HashSet<String> = own.iter().map(|entry| entry.key.clone()).collect();
    *entries = own;
    let bases = merged.into_iter().flat_map(|it| match it.node.value {
        Value::Sequence(items) => items,
        _ => vec![it.node],
    });
    for base in bases {
        let Value::Mapping(members) = base.value else {
            continue;
        };
        let new = members.into_iter();
        entries.extend(new.filter(|member| known.insert(member.key.clone())));
    }
}

/// The core schema of YAML 1.2, section 10.3.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let forced = tag.and_then(Tag::core_suffix);
    if style != ScalarStyle::Plain || forced == Some("str") {
        return Value::String(text.into());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    parse_number(text).map_or_else(
        || Value::String(text.into()),
        |it| Value::Number(it, text.into()),
    )
}

/// The number that a plain text is, if it is one.
pub(crate) fn parse_number(text: &str) -> Option<serde_json::Number> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let first = digits.as_bytes().first()?;
    if !first.is_ascii_digit() && *first != b'.' {
        return None;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return u64::from_str_radix(rest, radix).ok().map(Into::into);
        }
    }
    let plain = text.strip_prefix('+').unwrap_or(text);
    if let Ok(it) = plain.parse::<u64>() {
        return Some(it.into());
    }
    if let Ok(it) = plain.parse::<i64>() {
        return Some(it.into());
    }
    let float = digits
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let float = if float {
        plain.parse::<f64>().ok()
    } else {
        None
    };
    float.and_then(serde_json::Number::from_f64)
}
