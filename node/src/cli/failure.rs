//! Why a command did not do its work: what happened, and how to mend it.

use serde_json::json;
use tollgate_config::diagnostic::{Diagnostic, render, render_json};
use tollgate_protocol::codes::Code;

use super::Context;
use super::arguments::Format;

/// The exit code of a refusal or a failure.
pub(super) const FAILED: i32 = 1;
/// The exit code of a mistake in the command line or the node's configuration.
pub(super) const USAGE: i32 = 64;
/// The exit code when the same command may succeed later.
pub(super) const TRY_AGAIN: i32 = 75;

/// Why a command did not do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The page that explains it, where there is one.
    pub(super) code: Option<&'static Code>,
    /// What happened; empty when it was told already.
    pub(super) what: String,
    /// How to mend it.
    pub(super) hint: Option<String>,
    /// The exit code.
    pub(super) exit: i32,
}

impl Failure {
    /// A failure that no page explains.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            code: None,
            what: what.into(),
            hint: None,
            exit: FAILED,
        }
    }

    /// A failure that was told already, as findings in a file are.
    pub(super) fn told(exit: i32) -> Self {
        Self {
            exit,
            ..Self::new("")
        }
    }

    /// Tells findings in files, and is the failure that they were told.
    pub(super) fn findings(found: &[Diagnostic], exit: i32, context: &Context) -> Self {
        let text = match context.format {
            Format::Text => render(found),
            Format::Json => render_json(found),
        };
        context.output.talk(text.trim_end());
        Self::told(exit)
    }

    pub(super) fn code(mut self, code: &'static Code) -> Self {
        self.code = Some(code);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn exit(mut self, exit: i32) -> Self {
        self.exit = exit;
        self
    }

    /// Tells it on standard error, as JSON where that was asked for.
    pub(super) fn print(&self, context: &Context) {
        if self.what.is_empty() {
            return;
        }
        let code = self.code.map(|code| code.code);
        if context.format == Format::Json {
            let body = json!({"error": self.what, "code": code, "hint": self.hint});
            context.output.talk(&body.to_string());
            return;
        }
        let prefix = code.map_or_else(|| "error".to_owned(), |code| format!("error[{code}]"));
        context.output.talk(&format!("{prefix}: {}", self.what));
        if let Some(hint) = &self.hint {
            context.output.talk(&format!("  what to do: {hint}"));
        }
        if let Some(code) = code {
            context
                .output
                .talk(&format!("  more: tollgate explain {code}"));
        }
    }
}
