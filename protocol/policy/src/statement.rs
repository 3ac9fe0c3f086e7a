//! One statement of a policy: who, what, on what, under which conditions.
//!
//! Source: IAM User Guide, "Grammar of the IAM JSON policy language".

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use crate::condition::{self, Condition};
use crate::document::Kind;
use crate::json::Json;
use crate::pattern::Case;
use crate::principal::{self, Meant, Principal};
use crate::template::Template;
use crate::{Caller, Error, Problem, Request, resource};

const MEMBERS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// What a statement does when it applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// A compiled statement.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) sid: Option<Box<str>>,
    pub(crate) effect: Effect,
    /// `None` where policies have no principals.
    principals: Option<Choice<Principal>>,
    actions: Choice<Template>,
    resources: Choice<Template>,
    conditions: Box<[Condition]>,
}

/// `Action` or `NotAction`, and so on.
#[derive(Debug)]
struct Choice<T> {
    is_negated: bool,
    listed: Box<[T]>,
}

impl<T> Choice<T> {
    fn covers(&self, test: impl FnMut(&T) -> bool) -> bool {
        self.listed.iter().any(test) != self.is_negated
    }
}

impl Choice<Principal> {
    /// How the caller is meant: the strongest way of those listed.
    fn means(&self, caller: Caller<'_>) -> Option<Meant> {
        let strongest = self.listed.iter().filter_map(|who| who.means(caller)).max();
        if self.is_negated {
            return strongest.is_none().then_some(Meant::Himself);
        }
        strongest
    }
}

impl Statement {
    /// Whether the statement applies to a request, and how it means the caller.
    pub(crate) fn applies(&self, request: &Request<'_>) -> Option<Meant> {
        let context = request.context;
        let is_covered = self
            .actions
            .covers(|action| action.matches(request.action, Case::AsciiFolded, context))
            && self
                .resources
                .covers(|own| own.matches(request.resource, Case::Exact, context));
        if !is_covered {
            return None;
        }
        let meant = match &self.principals {
            None => Meant::Himself,
            Some(who) => who.means(request.caller)?,
        };
        let holds = self.conditions.iter().all(|own| own.holds(context));
        holds.then_some(meant)
    }

    /// Compiles a statement.
    pub(crate) fn parse(json: &Json, kind: Kind<'_>, variables: bool) -> Result<Self, Error> {
        let members = json.object()?;
        for (name, _) in members {
            if !MEMBERS.contains(&&**name) {
                return Err(Error::new(&**name, unknown(name, &MEMBERS)));
            }
        }
        let member = |wanted: &str| {
            let found = members.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value)
        };
        let effect = member("Effect").map(effect).unwrap_or_else(|| {
            let mend = "\"Effect\": \"Allow\" or \"Deny\"";
            Err(Error::new("", Problem::Missing { mend }))
        });
        let effect = effect.map_err(|error| error.within("Effect"))?;
        let principals = principals(&member, kind, effect)?;
        let actions = choice(
            &member,
            ["Action", "NotAction"],
            "\"Action\": \"*\"",
            |json| {
                list(json, |text| {
                    action(text).map_err(|problem| Error::new("", problem))
                })
            },
        )?;
        let resources = choice(
            &member,
            ["Resource", "NotResource"],
            "\"Resource\": \"*\"",
            |json| list(json, |text| resource::parse(text, kind, variables)),
        )?;
        let conditions = member("Condition")
            .map(|json| condition::parse(json, variables))
            .transpose()
            .map_err(|error| error.within("Condition"))?;
        Ok(Self {
            sid: member("Sid")
                .map(|json| sid(json, kind))
                .transpose()
                .map_err(|error| error.within("Sid"))?,
            effect,
            principals,
            actions,
            resources,
            conditions: conditions.unwrap_or_default(),
        })
    }
}

/// What is known in place of an unknown member.
pub(crate) fn unknown(name: &str, known: &[&'static str]) -> Problem {
    let near = known.iter().find(|known| known.eq_ignore_ascii_case(name));
    let mend = match near {
        Some(near) => format!("write \"{near}\""),
        None => format!("known are {}", known.join(", ")),
    };
    Problem::Unknown { mend }
}

fn effect(json: &Json) -> Result<Effect, Error> {
    match json.text()? {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => {
            let expected = "effect; write Allow or Deny, with these capitals";
            Err(Error::new("", Problem::value(other, expected)))
        }
    }
}

/// Source: "IAM JSON policy elements: Sid": letters and digits. Other services allow more in
/// policies of their resources, and so does this.
fn sid(json: &Json, kind: Kind<'_>) -> Result<Box<str>, Error> {
    let text = json.text()?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if kind == Kind::Identity && !is_plain {
        let expected = "statement id; use letters and digits only";
        return Err(Error::new("", Problem::value(text, expected)));
    }
    Ok(text.into())
}

fn principals<'j>(
    member: &impl Fn(&str) -> Option<&'j Json>,
    kind: Kind<'_>,
    effect: Effect,
) -> Result<Option<Choice<Principal>>, Error> {
    const NAMES: [&str; 2] = ["Principal", "NotPrincipal"];
    let not_here = |name: &str, mend| Err(Error::new(name, Problem::NotHere { mend }));
    let present = NAMES.into_iter().find(|name| member(name).is_some());
    match (kind, present) {
        (Kind::Identity, Some(name)) => {
            let mend =
                "remove it: the policy holds for the users and groups that it is attached to";
            return not_here(name, mend);
        }
        (Kind::Authorizer, Some(name)) if member(name) != Some(&Json::Text("*".to_owned())) => {
            let mend = "remove it: the policy holds for the caller that the authorizer identified";
            return not_here(name, mend);
        }
        (Kind::Authorizer, Some("NotPrincipal")) => {
            return not_here("NotPrincipal", "nobody would be left; remove it");
        }
        (Kind::Identity | Kind::Authorizer, _) => return Ok(None),
        (Kind::Resource { .. }, Some("NotPrincipal")) if effect == Effect::Allow => {
            let mend = "with Allow it would let in everybody else; write Principal, or Deny";
            return not_here("NotPrincipal", mend);
        }
        (Kind::Resource { .. }, _) => {}
    }
    choice(member, NAMES, "\"Principal\": \"*\"", principal::parse).map(Some)
}

/// Reads a member or its negation, of which exactly one must be there.
fn choice<'j, T>(
    member: &impl Fn(&str) -> Option<&'j Json>,
    [plain, negated]: [&'static str; 2],
    mend: &'static str,
    parse: impl Fn(&Json) -> Result<Box<[T]>, Error>,
) -> Result<Choice<T>, Error> {
    let (name, json) = match (member(plain), member(negated)) {
        (Some(json), None) => (plain, json),
        (None, Some(json)) => (negated, json),
        (None, None) => return Err(Error::new(plain, Problem::Missing { mend })),
        (Some(_), Some(_)) => return Err(Error::new(negated, Problem::Both { other: plain })),
    };
    Ok(Choice {
        is_negated: name == negated,
        listed: parse(json).map_err(|error| error.within(name))?,
    })
}

fn list<T>(json: &Json, parse: impl Fn(&str) -> Result<T, Error>) -> Result<Box<[T]>, Error> {
    let mut out = Vec::new();
    for (place, item) in json.each()? {
        let compiled = item.text().and_then(&parse);
        out.push(compiled.map_err(|error| error.within(&place))?);
    }
    Ok(out.into())
}

/// `*`, or `service:Name` with wildcards in the name. Source: "IAM JSON policy elements: Action".
fn action(text: &str) -> Result<Template, Problem> {
    const EXPECTED: &str = "action; write one as execute-api:Invoke or apigateway:*, or * for all";
    let is_name = |text: &str, more: &[char]| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || more.contains(&c))
    };
    let is_action = matches!(text, "*" | "*:*")
        || text.split_once(':').is_some_and(|(service, name)| {
            is_name(service, &[]) && is_name(name, &['*', '?', '_'])
        });
    if is_action {
        Template::action(text)
    } else {
        Err(Problem::value(text, EXPECTED))
    }
}
