//! Diagnostics for people, in the shape that Rust's compiler made familiar, and as JSON.

use std::fmt::{self, Write as _};

use super::{Diagnostic, Severity};

/// Columns of a source line that are shown; longer lines are cut around the finding.
const SOURCE_CHARS_MAX: u32 = 120;

/// All findings for a terminal, errors and warnings in their order, then a line that counts them.
#[must_use]
pub fn render(diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        // Writing to a string cannot fail.
        let _ok = writeln!(out, "{diagnostic}");
    }
    let errors = diagnostics.iter().filter(|d| d.is_error()).count();
    let warnings = diagnostics.len() - errors;
    let mut counts = Vec::new();
    for (count, noun) in [(errors, "error"), (warnings, "warning")] {
        if count > 0 {
            counts.push(format!(
                "{count} {noun}{}",
                if count == 1 { "" } else { "s" }
            ));
        }
    }
    if !counts.is_empty() {
        out.push_str(&counts.join(", "));
        out.push('\n');
    }
    out
}

/// All findings as a JSON array.
#[must_use]
pub fn render_json(diagnostics: &[Diagnostic]) -> String {
    serde_json::to_string_pretty(diagnostics).unwrap_or_else(|_| "[]".into())
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{word}[{}]: {}", self.code, self.reason)?;
        let gutter = " ".repeat(if self.line == 0 {
            1
        } else {
            self.line.to_string().len()
        });
        match (self.file.is_empty(), self.line) {
            (true, _) => {}
            (false, 0) => writeln!(f, "{gutter}--> {}", self.file)?,
            (false, line) => writeln!(f, "{gutter}--> {}:{line}:{}", self.file, self.column)?,
        }
        let hint = self.hint();
        if let (Some(source), false) = (&self.source, self.line == 0) {
            let column = self.column.saturating_sub(self.source_start);
            let (text, column, length) = window(source, column, self.length);
            let pad = " ".repeat(column.saturating_sub(1) as usize);
            let carets = "^".repeat(length.max(1) as usize);
            writeln!(f, "{gutter} |")?;
            writeln!(f, "{} | {text}", self.line)?;
            writeln!(
                f,
                "{gutter} | {}",
                format!("{pad}{carets} {hint}").trim_end()
            )?;
        } else if !hint.is_empty() {
            writeln!(f, "{gutter} = help: {hint}")?;
        }
        if !self.key_path.is_empty() {
            writeln!(f, "{gutter} = at {}", self.key_path)?;
        }
        Ok(())
    }
}

impl Diagnostic {
    fn hint(&self) -> String {
        self.nearest
            .as_ref()
            .map_or_else(String::new, |it| format!("did you mean `{it}`?"))
    }
}

/// The part of a line around a finding, and where the finding is in it.
fn window(source: &str, column: u32, length: u32) -> (String, u32, u32) {
    let chars: Vec<char> = source
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let total = u32::try_from(chars.len()).unwrap_or(u32::MAX);
    let column = column.clamp(1, total.saturating_add(1));
    let length = length.min(total.saturating_add(1) - column).max(1);
    if total <= SOURCE_CHARS_MAX {
        return (chars.into_iter().collect(), column, length);
    }
    let start = column.saturating_sub(SOURCE_CHARS_MAX / 2).max(1);
    let end = (start + SOURCE_CHARS_MAX).min(total + 1);
    let mut text: String = chars[(start - 1) as usize..(end - 1) as usize]
        .iter()
        .collect();
    let mut column = column - start + 1;
    if start > 1 {
        text.insert(0, '…');
        column += 1;
    }
    if end <= total {
        text.push('…');
    }
    let length = length.min(SOURCE_CHARS_MAX + 2 - column.min(SOURCE_CHARS_MAX + 1));
    (text, column, length.max(1))
}
