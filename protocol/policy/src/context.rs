//! What a decision is about: the action, the resource, the caller, and the keys of conditions.

use alloc::borrow::Cow;
use alloc::vec::Vec;

/// A request to decide on.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// `service:Name`, in any case: `execute-api:Invoke`, `apigateway:GET`, `tollgate:ReadAudit`.
    pub action: &'r str,
    /// The concrete ARN, or `*` for an action without a resource of its own.
    pub resource: &'r str,
    /// Who asks. Only resource policies look at it.
    pub caller: Caller<'r>,
    /// What conditions and policy variables look at.
    pub context: &'r Context<'r>,
}

/// Who asks, as the principal elements of resource policies see him.
///
/// Source: IAM User Guide, "AWS JSON policy elements: Principal".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller<'r> {
    /// Nobody proved who he is.
    Anonymous,
    /// A user, a role's session or an account's root, by his ARN:
    /// `arn:aws:iam::123456789012:user/bob`, `arn:aws:sts::123456789012:assumed-role/r/session`.
    Principal(&'r str),
    /// A service: `apigateway.amazonaws.com`.
    Service(&'r str),
    /// An identity provider, by its ARN or host name.
    Federated(&'r str),
}

/// The keys that conditions and policy variables look at, each with its values as text.
///
/// Names are compared without regard to case (IAM User Guide, "IAM JSON policy elements:
/// Condition"). Values are text as the API of IAM's simulator takes them: dates in ISO 8601 or as
/// seconds since 1970, Booleans as `true` and `false`, binary values in Base64. A key without a
/// value counts as absent. A context has a few dozen keys: they are looked up one after the other.
#[derive(Debug, Clone, Default)]
pub struct Context<'c> {
    entries: Vec<(Cow<'c, str>, Values<'c>)>,
}

#[derive(Debug, Clone)]
enum Values<'c> {
    One(Cow<'c, str>),
    Many(Vec<Cow<'c, str>>),
}

impl<'c> Context<'c> {
    /// Without any key.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key that has one value, in place of what it had.
    pub fn set(&mut self, key: impl Into<Cow<'c, str>>, value: impl Into<Cow<'c, str>>) {
        self.put(key.into(), Values::One(value.into()));
    }

    /// Sets a key that may have many values, such as `aws:TagKeys`, in place of what it had.
    pub fn set_all<V: Into<Cow<'c, str>>>(
        &mut self,
        key: impl Into<Cow<'c, str>>,
        values: impl IntoIterator<Item = V>,
    ) {
        let values = values.into_iter().map(Into::into).collect();
        self.put(key.into(), Values::Many(values));
    }

    fn put(&mut self, key: Cow<'c, str>, values: Values<'c>) {
        let known = self
            .entries
            .iter_mut()
            .find(|(name, _)| name.eq_ignore_ascii_case(&key));
        match known {
            Some(entry) => entry.1 = values,
            None => self.entries.push((key, values)),
        }
    }

    /// The values of a key; empty when it is absent.
    #[must_use]
    pub fn values(&self, key: &str) -> &[Cow<'c, str>] {
        let entry = self
            .entries
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key));
        match entry {
            Some((_, Values::One(value))) => core::slice::from_ref(value),
            Some((_, Values::Many(values))) => values,
            None => &[],
        }
    }

    /// The value of a key that has exactly one. Keys with many values cannot be policy variables.
    pub(crate) fn single(&self, key: &str) -> Option<&str> {
        match self.values(key) {
            [value] => Some(value),
            _ => None,
        }
    }
}
