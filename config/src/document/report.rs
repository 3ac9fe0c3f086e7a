//! The sources of a load and what was found wrong in them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tollgate_protocol::codes::{API_FILE, Code};

use super::tree::{Node, Path, Place, Step, Value};
use crate::diagnostic::{Diagnostic, Severity, hide_long_tokens, is_secret_key, shorten};

/// Findings kept; a file with more has one cause, and the first ones show it.
const FINDINGS_MAX: usize = 200;

/// Characters of a source line that a finding keeps: more than is shown, and not all of a file
/// that a tool wrote on one line.
const SOURCE_CHARS_MAX: usize = 320;

/// A file that was read.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// As the caller named it.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Where its relative paths start.
    pub base: PathBuf,
    /// Places whose text is secret, known once the tree is there.
    pub secrets: Vec<Place>,
    /// Whether a tree was built, so that `secrets` is complete.
    pub parsed: bool,
}

/// Collects findings with their source lines.
#[derive(Debug)]
pub(crate) struct Report {
    code: &'static Code,
    pub sources: Vec<Source>,
    /// The files that the sources name and that were read.
    pub files: Vec<PathBuf>,
    pub findings: Vec<Diagnostic>,
    /// The resources that have a finding: later checks are silent about them.
    pub spoiled: BTreeSet<Path>,
    errors: usize,
    overflow: Diagnostic,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            code: &API_FILE,
            sources: Vec::new(),
            files: Vec::new(),
            findings: Vec::new(),
            spoiled: BTreeSet::new(),
            errors: 0,
            overflow: Diagnostic::new(&API_FILE, String::new()),
        }
    }

    pub(crate) fn with_code(code: &'static Code) -> Self {
        Self {
            code,
            ..Self::new()
        }
    }

    /// Adds a file; its index.
    pub(crate) fn add_source(&mut self, name: String, text: String, base: PathBuf) -> u32 {
        self.sources.push(Source {
            name,
            text,
            base,
            secrets: Vec::new(),
            parsed: false,
        });
        u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Something that makes the document unusable. The diagnostic can be completed.
    pub(crate) fn error(
        &mut self,
        place: Place,
        path: &Path,
        reason: impl Into<String>,
    ) -> &mut Diagnostic {
        self.errors += 1;
        self.spoiled.insert(resource(path));
        self.push(Severity::Error, place, path, reason.into())
    }

    /// An error about a node or its key that does not silence later checks.
    pub(crate) fn rule_broken(&mut self, root: &Node, path: &Path, at_key: bool, reason: String) {
        self.errors += 1;
        if self.is_full() {
            return;
        }
        let (node, mut place) = root.locate(&path.0);
        let mut value = self.shown(node, place);
        if at_key && let Some((Step::Key(key), parents)) = path.0.split_last() {
            let (parent, _) = root.locate(parents);
            if let Some(entry) = parent.entry(key) {
                place = entry.key_place;
                value = Some(shorten(key));
            }
        }
        self.push(Severity::Error, place, path, reason).value = value;
    }

    /// An error about a file that could not be read.
    pub(crate) fn error_in(&mut self, file: &str, reason: impl Into<String>) {
        self.errors += 1;
        self.findings
            .push(Diagnostic::new(self.code, reason).in_file(file));
    }

    /// An error that is not kept.
    pub(crate) fn count_error(&mut self) {
        self.errors += 1;
    }

    /// Something that does nothing, or not what it seems to.
    pub(crate) fn warning(
        &mut self,
        place: Place,
        path: &Path,
        reason: impl Into<String>,
    ) -> &mut Diagnostic {
        self.push(Severity::Warning, place, path, reason.into())
    }

    /// An error of the parser: nothing is known about the line, so long tokens are hidden.
    pub(crate) fn syntax_error(&mut self, place: Place, reason: String) {
        self.error(place, &Path::default(), reason);
    }

    /// An error about a node that is in a tree: its value is shown unless it is secret.
    pub(crate) fn error_at(
        &mut self,
        root: &Node,
        path: &Path,
        reason: impl Into<String>,
    ) -> &mut Diagnostic {
        if self.is_full() {
            // Looking for places takes time, which nobody would see spent.
            return self.error(Place::default(), path, reason);
        }
        let (node, place) = root.locate(&path.0);
        let value = self.shown(node, place);
        let diagnostic = self.error(place, path, reason);
        diagnostic.value = value;
        diagnostic
    }

    /// Whether further findings are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.findings.len() >= FINDINGS_MAX
    }

    /// A warning about a node that is in a tree.
    pub(crate) fn warning_at(&mut self, root: &Node, path: &Path, reason: impl Into<String>) {
        if !self.is_full() {
            let (_, place) = root.locate(&path.0);
            self.warning(place, path, reason);
        }
    }

    /// A warning about a part that has no effect and is no mistake.
    pub(crate) fn note_at(&mut self, root: &Node, path: &Path, reason: impl Into<String>) {
        if !self.is_full() {
            let (_, place) = root.locate(&path.0);
            self.warning(place, path, reason).harmless = true;
        }
    }

    /// The findings in the order of the text.
    pub(crate) fn into_findings(mut self) -> Vec<Diagnostic> {
        let sources: Vec<&str> = self.sources.iter().map(|it| it.name.as_str()).collect();
        let place = |it: &Diagnostic| sources.iter().position(|name| *name == it.file);
        self.findings
            .sort_by_key(|it| (place(it), it.line, it.column));
        // What is shared by many, such as a requirement of all operations, is found many times.
        self.findings.dedup();
        let more = self.errors.saturating_sub(FINDINGS_MAX);
        if more > 0 {
            let reason = format!("{more} more errors are not shown");
            self.findings.push(Diagnostic::new(self.code, reason));
        }
        self.findings
    }

    /// Whether a finding was made in or around what `path` leads to.
    pub(crate) fn is_spoiled(&self, path: &Path) -> bool {
        let around = (1..=path.0.len()).any(|end| {
            let prefix = Path(path.0[..end].to_vec());
            self.spoiled.contains(&prefix)
        });
        let inside = || {
            let next = self.spoiled.range(path.clone()..).next();
            next.is_some_and(|it| it.0.starts_with(&path.0))
        };
        around || inside()
    }

    /// The value of a scalar as a message may show it.
    pub(crate) fn shown(&self, node: &Node, place: Place) -> Option<String> {
        if node.expanded || self.is_secret(place) {
            return None;
        }
        match &node.value {
            Value::Bool(it) => Some(it.to_string()),
            Value::Number(_, text) => Some(shorten(text)),
            Value::String(text) => Some(shorten(text)),
            _ => None,
        }
    }

    /// Remembers which places of a tree are secret. Call once per file after parsing.
    pub(crate) fn learn_secrets(&mut self, file: u32, root: &Node) {
        let mut secrets = Vec::new();
        collect_secrets(root, false, false, &mut secrets);
        if let Some(source) = self.sources.get_mut(file as usize) {
            source.secrets = secrets;
            source.parsed = true;
        }
    }

    fn is_secret(&self, place: Place) -> bool {
        self.sources.get(place.file as usize).is_some_and(|it| {
            it.secrets
                .iter()
                .any(|s| s.line == place.line && s.column == place.column)
        })
    }

    fn push(
        &mut self,
        severity: Severity,
        place: Place,
        path: &Path,
        reason: String,
    ) -> &mut Diagnostic {
        if self.is_full() {
            // Nobody reads this one: callers complete what they get.
            self.overflow = Diagnostic::new(self.code, reason);
            return &mut self.overflow;
        }
        let mut diagnostic = Diagnostic::new(self.code, reason);
        diagnostic.severity = severity;
        diagnostic.key_path = path.to_string();
        if let Some(source) = self.sources.get(place.file as usize) {
            diagnostic.file.clone_from(&source.name);
            if place.line > 0 {
                let (text, before) = source.around(place);
                diagnostic.line = place.line;
                diagnostic.column = place.column;
                diagnostic.length = place.length;
                diagnostic.source = Some(text);
                diagnostic.source_start = before;
            }
        }
        self.findings.push(diagnostic);
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }
}

impl Source {
    /// The part of a line around a place with its secrets hidden, and the characters before it.
    fn around(&self, place: Place) -> (String, u32) {
        let wanted = (place.line as usize).saturating_sub(1);
        let line = self.text.lines().nth(wanted).unwrap_or_default();
        let column = (place.column as usize).saturating_sub(1);
        let start = column.saturating_sub(SOURCE_CHARS_MAX / 2);
        let cut = |text: &str| -> Vec<char> {
            let part = text.chars().skip(start);
            part.take(SOURCE_CHARS_MAX).collect()
        };
        let before = number(start);
        if !self.parsed {
            return (cut(&hide_long_tokens(line)).into_iter().collect(), before);
        }
        let inside = |s: &&Place| s.line < place.line && place.line <= s.last_line;
        if self.secrets.iter().find(inside).is_some() {
            return ("***".into(), 0);
        }
        let mut chars = cut(line);
        for secret in self.secrets.iter().filter(|s| s.line == place.line) {
            let first = (secret.column as usize).saturating_sub(1);
            let last = if secret.last_line > secret.line {
                usize::MAX
            } else {
                first.saturating_add(secret.length as usize)
            };
            let inside = |at: usize| at.saturating_sub(start).min(chars.len());
            let (first, last) = (inside(first), inside(last));
            // As wide as before, so that columns stay true.
            chars[first..last].fill('*');
        }
        (chars.into_iter().collect(), before)
    }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The members that are secret by their name or by what they are in.
fn collect_secrets(node: &Node, inherited: bool, in_keys: bool, out: &mut Vec<Place>) {
    match &node.value {
        Value::Sequence(items) => {
            for item in items {
                collect_secrets(item, inherited, in_keys, out);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                let key = entry.key.as_str();
                let secret = inherited
                    || is_secret_key(key)
                    || key == "environment"
                    || (in_keys && key == "value");
                collect_secrets(&entry.node, secret, in_keys || key == "apiKeys", out);
            }
        }
        Value::Null => {}
        // The name of an environment variable is no secret.
        Value::String(text) if text.starts_with("${env.") && text.ends_with('}') => {}
        _ if inherited => out.push(node.place),
        _ => {}
    }
}

/// The resource that a path is in: `apis[0].routes[2]`, `functions.hello`.
fn resource(path: &Path) -> Path {
    let depth = match path.0.first() {
        Some(Step::Key(key)) if key == "apis" => 4,
        Some(Step::Key(key)) if key == "paths" || key == "x-tollgate" => 3,
        _ => 2,
    };
    Path(path.0.iter().take(depth).cloned().collect())
}
