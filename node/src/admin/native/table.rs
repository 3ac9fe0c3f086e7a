//! The native operations: how each is called, what its IAM action is named, and on what resource.
//!
//! The one list of them: requests are matched by it, permissions follow from it, and the table in
//! `docs/iam.md` is checked against it.

use std::borrow::Cow;

use serde_json::{Map, Value};
use tollgate_aws::decode_label;
use tollgate_aws::operations::Authorization;

/// A native operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Native {
    /// Which it is.
    pub(crate) op: Op,
    /// The name of its action, behind `tollgate:`.
    pub(crate) action: &'static str,
    /// The method.
    pub(crate) method: &'static str,
    /// The path below `/tollgate/v1/`, labels in braces.
    pub(crate) path: &'static str,
    /// What stands behind the account in the resource's ARN, labels and members of the body in
    /// braces. `iam:` makes it an ARN of AWS's IAM, anything else one of ours.
    pub(crate) resource: &'static str,
    /// What it does.
    pub(crate) says: &'static str,
}

macro_rules! natives {
    ($($name:ident = $method:literal $path:literal, on $resource:literal, $says:literal;)*) => {
        /// Which native operation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Op {
            $(#[doc = $says] $name,)*
        }

        /// Every native operation.
        pub(crate) const OPERATIONS: &[Native] = &[$(Native {
            op: Op::$name,
            action: stringify!($name),
            method: $method,
            path: $path,
            resource: $resource,
            says: $says,
        }),*];
    };
}

natives! {
    Apply = "POST" "apply", on "configuration", "Make a whole document the configuration";
    ListAuditEvents = "GET" "audit", on "audit", "Look into the audit trail";
    ListHistory = "GET" "history", on "configuration", "List the revisions of the configuration";
    GetRevisionDiff = "GET" "history/{revision}/diff", on "configuration",
        "Tell what changed between two revisions";
    Rollback = "POST" "rollback", on "configuration",
        "Make the configuration what it was at a revision";
    ListFunctions = "GET" "functions", on "function/*", "List functions with their processes";
    ListUpstreams = "GET" "upstreams", on "upstream/*", "List upstream groups with their servers";
    GetStatus = "GET" "status", on "cluster", "Tell how the node and the cluster do";
    CreateBackup = "GET" "backup", on "cluster", "Read everything that the cluster agrees on";
    ListMembers = "GET" "members", on "node/*", "List the nodes";
    RemoveMember = "DELETE" "members/{node}", on "node/{node}", "Remove a node for ever";
    Leave = "POST" "leave", on "node/*", "Let the node that is asked leave the cluster";
    CreateToken = "POST" "tokens", on "token/*", "Make a join token";
    RevokeToken = "DELETE" "tokens/{token}", on "token/{token}", "Take a join token back";
    FlushCache = "POST" "cache/flush", on "cache", "Empty the response cache";
    SetLogLevel = "PUT" "log-level", on "node/*", "Change what the node logs";
    GetCallerIdentity = "GET" "iam/whoami", on "*", "Tell who asks; allowed to everybody";
    ListUsers = "GET" "iam/users", on "iam:user/*", "List users";
    CreateUser = "POST" "iam/users", on "iam:user/{userName}", "Make a user";
    GetUser = "GET" "iam/users/{user}", on "iam:user/{user}", "Show a user";
    DeleteUser = "DELETE" "iam/users/{user}", on "iam:user/{user}", "Delete a user";
    TagUser = "PUT" "iam/users/{user}/tags", on "iam:user/{user}", "Set tags of a user";
    UntagUser = "DELETE" "iam/users/{user}/tags", on "iam:user/{user}", "Remove tags of a user";
    ListAccessKeys = "GET" "iam/users/{user}/keys", on "iam:user/{user}",
        "List a user's access keys";
    CreateAccessKey = "POST" "iam/users/{user}/keys", on "iam:user/{user}",
        "Make an access key and show its secret once";
    UpdateAccessKey = "PATCH" "iam/users/{user}/keys/{key}", on "iam:user/{user}",
        "Disable an access key, or enable it";
    DeleteAccessKey = "DELETE" "iam/users/{user}/keys/{key}", on "iam:user/{user}",
        "Delete an access key";
    GetUserPolicy = "GET" "iam/users/{user}/policies/{policy}", on "iam:user/{user}",
        "Show a policy inside a user";
    PutUserPolicy = "PUT" "iam/users/{user}/policies/{policy}", on "iam:user/{user}",
        "Put a policy inside a user";
    DeleteUserPolicy = "DELETE" "iam/users/{user}/policies/{policy}", on "iam:user/{user}",
        "Delete a policy inside a user";
    AttachUserPolicy = "PUT" "iam/users/{user}/attached/{policy}", on "iam:user/{user}",
        "Attach a managed policy to a user";
    DetachUserPolicy = "DELETE" "iam/users/{user}/attached/{policy}", on "iam:user/{user}",
        "Detach a managed policy from a user";
    ListGroups = "GET" "iam/groups", on "iam:group/*", "List groups";
    CreateGroup = "POST" "iam/groups", on "iam:group/{groupName}", "Make a group";
    GetGroup = "GET" "iam/groups/{group}", on "iam:group/{group}", "Show a group and its users";
    DeleteGroup = "DELETE" "iam/groups/{group}", on "iam:group/{group}", "Delete a group";
    AddUserToGroup = "PUT" "iam/groups/{group}/users/{user}", on "iam:group/{group}",
        "Put a user into a group";
    RemoveUserFromGroup = "DELETE" "iam/groups/{group}/users/{user}", on "iam:group/{group}",
        "Take a user out of a group";
    GetGroupPolicy = "GET" "iam/groups/{group}/policies/{policy}", on "iam:group/{group}",
        "Show a policy inside a group";
    PutGroupPolicy = "PUT" "iam/groups/{group}/policies/{policy}", on "iam:group/{group}",
        "Put a policy inside a group";
    DeleteGroupPolicy = "DELETE" "iam/groups/{group}/policies/{policy}", on "iam:group/{group}",
        "Delete a policy inside a group";
    AttachGroupPolicy = "PUT" "iam/groups/{group}/attached/{policy}", on "iam:group/{group}",
        "Attach a managed policy to a group";
    DetachGroupPolicy = "DELETE" "iam/groups/{group}/attached/{policy}", on "iam:group/{group}",
        "Detach a managed policy from a group";
    ListPolicies = "GET" "iam/policies", on "iam:policy/*", "List managed policies";
    CreatePolicy = "POST" "iam/policies", on "iam:policy/{policyName}", "Make a managed policy";
    GetPolicy = "GET" "iam/policies/{policy}", on "iam:policy/{policy}", "Show a managed policy";
    UpdatePolicy = "PUT" "iam/policies/{policy}", on "iam:policy/{policy}",
        "Replace the document of a managed policy";
    DeletePolicy = "DELETE" "iam/policies/{policy}", on "iam:policy/{policy}",
        "Delete a managed policy";
    SimulatePrincipalPolicy = "POST" "iam/simulate", on "iam:user/{userName}",
        "Tell what policies decide, and by which statement";
    RotateRootKey = "POST" "iam/root/rotate", on "*",
        "Make another key the root key; only the root key may, whatever policies say";
}

/// A request's operation and its labels, decoded.
#[derive(Debug)]
pub(crate) struct Matched {
    /// The operation.
    pub(crate) native: &'static Native,
    labels: Vec<(&'static str, String)>,
}

impl Matched {
    /// All labels with their values, in order.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.labels
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }

    /// The value of a label; empty where the operation has no such label.
    pub(crate) fn label(&self, name: &str) -> &str {
        let mut labels = self.labels.iter();
        let found = labels.find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }

    /// What the caller needs. A name that only the body has is read from there; one that is nowhere
    /// is `*`: whoever may do it to all may.
    pub(crate) fn needs(
        &self,
        region: &str,
        account: &str,
        members: &Map<String, Value>,
    ) -> Authorization {
        let resource = self.native.resource;
        let resource = match resource.strip_prefix("iam:") {
            Some(rest) => format!("arn:aws:iam::{account}:{}", self.filled(rest, members)),
            None if resource == "*" => "*".to_owned(),
            None => {
                let rest = self.filled(resource, members);
                format!("arn:aws:tollgate:{region}:{account}:{rest}")
            }
        };
        Authorization {
            action: format!("tollgate:{}", self.native.action),
            resource,
        }
    }

    /// A template with its one name.
    fn filled<'t>(&self, template: &'t str, members: &Map<String, Value>) -> Cow<'t, str> {
        let parts = template.split_once('{');
        let Some((before, name)) =
            parts.and_then(|(before, it)| Some((before, it.strip_suffix('}')?)))
        else {
            return Cow::Borrowed(template);
        };
        let label = self.labels.iter().find(|(known, _)| *known == name);
        let value = match label {
            Some((_, value)) => value.clone(),
            None => {
                let value = members.get(name).and_then(Value::as_str);
                value.unwrap_or("*").to_owned()
            }
        };
        Cow::Owned(format!("{before}{value}"))
    }
}

/// The operation of this method on a path below `/tollgate/v1/`, percent-encoded.
pub(crate) fn find(method: &str, path: &str) -> Option<Matched> {
    let of_method = OPERATIONS.iter().filter(|it| it.method == method);
    of_method
        .filter_map(|native| {
            let labels = labels(native.path, path)?;
            Some(Matched { native, labels })
        })
        .next()
}

fn labels(template: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let (mut found, mut given) = (Vec::new(), path.split('/'));
    for expected in template.split('/') {
        let given = given.next()?;
        match expected
            .strip_prefix('{')
            .and_then(|it| it.strip_suffix('}'))
        {
            Some(name) if !given.is_empty() => {
                found.push((name, decode_label(given)?.into_owned()));
            }
            None if expected == given => {}
            Some(_) | None => return None,
        }
    }
    given.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_is_found_by_its_path_and_no_other() {
        let (mut names, mut ways) = (BTreeSet::new(), BTreeSet::new());
        for native in OPERATIONS {
            let path = native.path.replace(['{', '}'], "x");
            let found = find(native.method, &path).unwrap();
            assert_eq!(found.native, native);
            assert!(names.insert(native.action), "{native:?}");
            assert!(ways.insert((native.method, native.path)), "{native:?}");
            let needs = found.needs("r", "1", &Map::new());
            assert_eq!(needs.action, format!("tollgate:{}", native.action));
            assert!(!needs.resource.contains(['{', '}']), "{needs:?}");
            assert!(find("TRACE", &path).is_none());
            assert!(find(native.method, &format!("{path}//x")).is_none());
        }
        assert!(find("GET", "").is_none() && find("GET", "iam/users//keys").is_none());
    }

    /// What `docs/iam.md` says of an operation.
    fn row(native: &Native) -> String {
        let resource = match native.resource.strip_prefix("iam:") {
            Some(rest) => format!("arn:aws:iam::ACCOUNT:{rest}"),
            None if native.resource == "*" => "*".to_owned(),
            None => format!("arn:aws:tollgate:REGION:ACCOUNT:{}", native.resource),
        };
        let Native {
            action,
            method,
            path,
            says,
            ..
        } = native;
        format!("| `tollgate:{action}` | `{method} {path}` | `{resource}` | {says} |")
    }

    #[test]
    fn the_document_has_every_action_as_it_is() {
        let page = include_str!("../../../../docs/iam.md");
        let told: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("| `tollgate:"))
            .collect();
        let wanted: Vec<String> = OPERATIONS.iter().map(row).collect();
        assert!(told == wanted, "docs/iam.md needs:\n{}", wanted.join("\n"));
    }

    #[test]
    fn resources_are_named_by_path_or_body() {
        let needs = |method, path, body: &str| {
            let found = find(method, path).unwrap();
            let members = serde_json::from_str(body).unwrap_or_default();
            found.needs("eu-west-1", "123", &members).resource
        };
        let user = needs("GET", "iam/users/b%2Fo", "");
        assert_eq!(user, "arn:aws:iam::123:user/b/o");
        let made = needs("POST", "iam/users", r#"{"userName": "bob"}"#);
        assert_eq!(made, "arn:aws:iam::123:user/bob");
        let any = needs("POST", "iam/users", "{}");
        assert_eq!(any, "arn:aws:iam::123:user/*");
        let node = needs("DELETE", "members/3", "");
        assert_eq!(node, "arn:aws:tollgate:eu-west-1:123:node/3");
        assert_eq!(needs("GET", "iam/whoami", ""), "*");
    }
}
