//! A whole policy document: its limits, its version, its statements.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use crate::json::Json;
use crate::limits::{
    AUTHORIZER_CHARS_MAX, DOCUMENT_BYTES_MAX, IDENTITY_CHARS_MAX, RESOURCE_CHARS_MAX,
    STATEMENTS_MAX,
};
use crate::statement::{Statement, unknown};
use crate::{Error, Problem};

/// What a policy is attached to, which decides what it may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'k> {
    /// Users and groups: no principals, at most 6,144 characters.
    Identity,
    /// An API: principals are needed, at most 8,192 characters.
    Resource {
        /// The API's ARN, `arn:aws:execute-api:region:account:api`, by which resources in the short
        /// form `execute-api:/stage/GET/path` are completed. Without it they are refused.
        api: Option<&'k str>,
    },
    /// What an authorizer's function returned: no principals (`*` is ignored), at most 8 KB.
    Authorizer,
}

/// A policy, compiled. Deciding with it neither parses nor fails.
#[derive(Debug)]
pub struct Policy {
    id: Option<Box<str>>,
    pub(crate) statements: Box<[Statement]>,
}

impl Policy {
    /// Reads a document.
    ///
    /// Versions are 2012-10-17 and 2008-10-17; the latter is meant when none is named, and knows no
    /// policy variables. White space does not count for the length (IAM User Guide, "IAM and AWS STS
    /// quotas").
    ///
    /// # Errors
    /// The first thing that is wrong: where, what, and how to mend it.
    pub fn parse(text: &str, kind: Kind<'_>) -> Result<Self, Error> {
        check_length(text, kind)?;
        let json = Json::parse(text)?;
        let members = json.object()?;
        let mut id = None;
        let mut statements = None;
        // Version decides how statements are read, wherever it stands.
        let variables = version(members).map_err(|error| error.within("Version"))?;
        for (name, value) in members {
            let within = |error: Error| error.within(name);
            match &**name {
                "Version" => {}
                "Id" => id = Some(value.text().map_err(within)?.into()),
                "Statement" => {
                    let found = read_statements(value, kind, variables);
                    statements = Some(found.map_err(within)?);
                }
                _ => {
                    let problem = unknown(name, &["Version", "Id", "Statement"]);
                    return Err(Error::new(&**name, problem));
                }
            }
        }
        let mend = "\"Statement\": [...]";
        let statements =
            statements.ok_or_else(|| Error::new("Statement", Problem::Missing { mend }))?;
        Ok(Self { id, statements })
    }

    /// The `Id` of the document.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// How many statements it has.
    #[must_use]
    pub fn statement_count(&self) -> usize {
        self.statements.len()
    }
}

fn check_length(text: &str, kind: Kind<'_>) -> Result<(), Error> {
    let bytes = text.len();
    if bytes > DOCUMENT_BYTES_MAX {
        return Err(Error::new("", Problem::Bytes { bytes }));
    }
    let max = match kind {
        Kind::Identity => IDENTITY_CHARS_MAX,
        Kind::Resource { .. } => RESOURCE_CHARS_MAX,
        Kind::Authorizer => AUTHORIZER_CHARS_MAX,
    };
    let chars = text.chars().filter(|c| !c.is_whitespace()).count();
    if chars > max {
        return Err(Error::new("", Problem::Chars { chars, max }));
    }
    Ok(())
}

/// Whether the document's version has policy variables.
fn version(members: &[(alloc::string::String, Json)]) -> Result<bool, Error> {
    let Some((_, version)) = members.iter().find(|(name, _)| name == "Version") else {
        return Ok(false);
    };
    match version.text()? {
        "2012-10-17" => Ok(true),
        "2008-10-17" => Ok(false),
        other => {
            let expected = "version of the policy language; write 2012-10-17";
            Err(Error::new("", Problem::value(other, expected)))
        }
    }
}

fn read_statements(
    json: &Json,
    kind: Kind<'_>,
    variables: bool,
) -> Result<Box<[Statement]>, Error> {
    if let Json::List(items) = json
        && items.len() > STATEMENTS_MAX
    {
        let count = items.len();
        return Err(Error::new("", Problem::Statements { count }));
    }
    let mut statements: Vec<Statement> = Vec::new();
    for (place, item) in json.each()? {
        let statement =
            Statement::parse(item, kind, variables).map_err(|error| error.within(&place))?;
        let is_taken = statement.sid.as_deref().is_some_and(|sid| {
            let mut before = statements.iter();
            !sid.is_empty() && before.any(|other| other.sid.as_deref() == Some(sid))
        });
        if is_taken {
            let sid = statement.sid.as_deref().unwrap_or_default().to_owned();
            let expected = "statement id of its own: another statement has it";
            let place = format!("{place}.Sid");
            return Err(Error::new(place, Problem::value(&sid, expected)));
        }
        statements.push(statement);
    }
    Ok(statements.into())
}
