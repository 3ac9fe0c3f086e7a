//! Access log lines (reference 17): one line per request, whatever the request contained.
//!
//! Values come from clients. In a JSON template they are escaped as JSON; in an XML one (it begins
//! with `<`) as XML; elsewhere quotes and backslashes get a backslash. Control and line-breaking
//! characters are escaped in every format, so no value can end a line or begin another.

use tollgate_config::snapshot::{AccessLog, ContextVar, Piece, Variable};

use crate::context;
use crate::finished::Finished;

/// Appends the line of a request, without its end.
pub fn render(log: &AccessLog, finished: &Finished, out: &mut Vec<u8>) {
    let escaping = match log.template.0.first() {
        _ if log.json => Escaping::Json,
        Some(Piece::Text(text)) if text.trim_start().starts_with('<') => Escaping::Xml,
        _ => Escaping::Plain,
    };
    let mut value = Vec::with_capacity(64);
    for piece in &log.template.0 {
        match piece {
            Piece::Text(text) => push_template_text(text, out),
            Piece::Variable(Variable::Context(var)) => {
                value.clear();
                if !context::write(var, finished, &mut value) {
                    out.push(b'-');
                } else if *var == ContextVar::ErrorMessageString {
                    // Quoted already, and one of our own texts.
                    out.extend_from_slice(&value);
                } else {
                    escape(&String::from_utf8_lossy(&value), escaping, out);
                }
            }
            // Only `$context` has values in a log.
            Piece::Variable(_) => out.push(b'-'),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escaping {
    Json,
    Xml,
    Plain,
}

/// The template is the operator's, but a line break in it would still break a line in two.
fn push_template_text(text: &str, out: &mut Vec<u8>) {
    if text.contains(breaks_line) {
        out.extend_from_slice(text.replace(breaks_line, " ").as_bytes());
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Control characters of ASCII and Latin-1, and what Unicode calls line and paragraph separators.
fn breaks_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn escape(text: &str, escaping: Escaping, out: &mut Vec<u8>) {
    // Nearly all values are plain ASCII, which goes in one piece.
    let is_plain = |byte: u8| {
        matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&')
    };
    if text.bytes().all(is_plain) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for c in text.chars() {
        match (escaping, c) {
            (Escaping::Xml, '<') => out.extend_from_slice(b"&lt;"),
            (Escaping::Xml, '>') => out.extend_from_slice(b"&gt;"),
            (Escaping::Xml, '&') => out.extend_from_slice(b"&amp;"),
            (Escaping::Xml, '"') => out.extend_from_slice(b"&quot;"),
            (Escaping::Json | Escaping::Plain, '"' | '\\') => {
                out.push(b'\\');
                out.push(c as u8);
            }
            (_, c) if breaks_line(c) => push_unicode_escape(c, escaping, out),
            (_, c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// `\u000a`, which JSON reads back; XML has no way to write most of them, so it shows U+FFFD.
fn push_unicode_escape(c: char, escaping: Escaping, out: &mut Vec<u8>) {
    if escaping == Escaping::Xml {
        out.extend_from_slice("\u{fffd}".as_bytes());
        return;
    }
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(b"0123456789abcdef"[(c as usize >> shift) & 15]);
    }
}
