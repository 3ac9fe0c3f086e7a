//! The principals of a resource policy's statement.
//!
//! Source: IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal". `*` stands
//! for everybody, and is no wildcard within a name. An account as the principal of an allow lets
//! nobody in by itself: it leaves to the account whom of its own to let in.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::json::Json;
use crate::{Caller, Error, Problem};

const ACCOUNT_DIGITS: usize = 12;

/// Who a statement is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    Everybody,
    /// Every principal of an account.
    Account(Box<str>),
    /// A user, role or session by ARN. A role stands for its sessions.
    Arn(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
}

/// Compiles a principal element.
pub(crate) fn parse(json: &Json) -> Result<Box<[Principal]>, Error> {
    if let Json::Text(text) = json {
        return if text == "*" {
            Ok(Box::new([Principal::Everybody]))
        } else {
            let expected =
                "principal; write * or {\"AWS\": \"arn:aws:iam::123456789012:user/bob\"}";
            Err(Error::new("", Problem::value(text, expected)))
        };
    }
    let mut principals = Vec::new();
    for (kind, values) in json.object()? {
        let compile: fn(&str) -> Result<Principal, Problem> = match &**kind {
            "AWS" => aws,
            "Service" => service,
            "Federated" => |text| Ok(Principal::Federated(text.into())),
            _ => {
                let mend = "write AWS, Service or Federated".to_owned();
                return Err(Error::new(&**kind, Problem::Unknown { mend }));
            }
        };
        for (place, value) in values.each().map_err(|error| error.within(kind))? {
            let principal = value
                .text()
                .and_then(|text| compile(text).map_err(|problem| Error::new("", problem)));
            principals.push(principal.map_err(|error| error.within(&place).within(kind))?);
        }
    }
    if principals.is_empty() {
        return Err(Error::new("", Problem::Empty));
    }
    Ok(principals.into())
}

fn aws(text: &str) -> Result<Principal, Problem> {
    const EXPECTED: &str = "principal; write *, an account of 12 digits, or the whole ARN of a user \
                            or role: wildcards do not work within it";
    let is_account =
        |text: &str| text.len() == ACCOUNT_DIGITS && text.bytes().all(|b| b.is_ascii_digit());
    if text == "*" {
        return Ok(Principal::Everybody);
    }
    if is_account(text) {
        return Ok(Principal::Account(text.into()));
    }
    let refused = || Problem::value(text, EXPECTED);
    let (service, account, resource) = split(text).ok_or_else(refused)?;
    let is_whole = matches!(service, "iam" | "sts")
        && is_account(account)
        && !resource.is_empty()
        && !text.contains(['*', '?']);
    match resource {
        _ if !is_whole => Err(refused()),
        "root" => Ok(Principal::Account(account.into())),
        _ => Ok(Principal::Arn(text.into())),
    }
}

fn service(text: &str) -> Result<Principal, Problem> {
    if text.contains('.') && !text.contains(['*', '?', ':', '/']) {
        Ok(Principal::Service(text.into()))
    } else {
        let expected = "service; write one as apigateway.amazonaws.com";
        Err(Problem::value(text, expected))
    }
}

/// Service, account and resource of an ARN.
fn split(arn: &str) -> Option<(&str, &str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let is_arn = parts.next() == Some("arn") && parts.next().is_some_and(|p| !p.is_empty());
    let service = parts.next().filter(|_| is_arn)?;
    let (_region, account) = (parts.next()?, parts.next()?);
    Some((service, account, parts.next()?))
}

/// How a principal element means a caller, the weaker way first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Meant {
    /// By his account, whose own policies decide as well.
    ByAccount,
    /// Himself, or as one of everybody.
    Himself,
}

impl Principal {
    /// Whether and how a caller is meant. An account's root user is the account, and has no policies
    /// that could decide as well (IAM User Guide, "AWS account root user").
    pub(crate) fn means(&self, caller: Caller<'_>) -> Option<Meant> {
        let is_meant = match (self, caller) {
            (Self::Everybody, _) => true,
            (Self::Account(account), Caller::Principal(arn)) => {
                let (_, _, resource) = split(arn).filter(|(_, own, _)| *own == &**account)?;
                return Some(match resource {
                    "root" => Meant::Himself,
                    _ => Meant::ByAccount,
                });
            }
            (Self::Arn(own), Caller::Principal(arn)) => {
                &**own == arn || is_session_of(own, arn).unwrap_or(false)
            }
            (Self::Service(own), Caller::Service(name))
            | (Self::Federated(own), Caller::Federated(name)) => &**own == name,
            _ => false,
        };
        is_meant.then_some(Meant::Himself)
    }
}

/// Whether an ARN is one of a session of a role: sessions name the role without its path.
fn is_session_of(role: &str, session: &str) -> Option<bool> {
    let (service, account, resource) = split(role)?;
    let path = resource
        .strip_prefix("role/")
        .filter(|_| service == "iam")?;
    let name = path.rsplit('/').next()?;
    let (service, theirs, resource) = split(session)?;
    let of = resource
        .strip_prefix("assumed-role/")
        .filter(|_| service == "sts")?;
    let (of, _) = of.split_once('/')?;
    Some(theirs == account && of == name)
}
