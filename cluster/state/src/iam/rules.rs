//! What a record may hold, alone and among others.
//!
//! Source: IAM User Guide, "IAM and AWS STS quotas" and "IAM identifiers". Documents are read where
//! they come in; here only their length counts.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use tollgate_protocol::limits::{
    IAM_ATTACHED_MAX, IAM_DESCRIPTION_CHARS_MAX, IAM_GROUP_INLINE_CHARS_MAX,
    IAM_GROUPS_PER_USER_MAX, IAM_ID_BYTES_MAX, IAM_INLINE_MAX, IAM_NAME_CHARS_MAX,
    IAM_POLICY_BYTES_MAX, IAM_POLICY_CHARS_MAX, IAM_SEALED_BYTES_MAX, IAM_TAG_CHARS_MAX,
    IAM_TAGS_MAX, IAM_USER_INLINE_CHARS_MAX, IAM_USER_NAME_CHARS_MAX,
};

use super::{Group, Iam, ManagedPolicy, SealedKey, User};

type Checked = Result<(), &'static str>;

pub(super) fn user(user: &User) -> Checked {
    name(&user.name, IAM_USER_NAME_CHARS_MAX)?;
    id(&user.id)?;
    if user.groups.len() > IAM_GROUPS_PER_USER_MAX {
        return Err("a user can be in 10 groups at most");
    }
    tags(&user.tags)?;
    policies(&user.attached, &user.inline)?;
    if chars(&user.inline) > IAM_USER_INLINE_CHARS_MAX {
        return Err("the policies inside a user can have 2,048 characters at most together");
    }
    Ok(())
}

pub(super) fn group(group: &Group) -> Checked {
    name(&group.name, IAM_NAME_CHARS_MAX)?;
    id(&group.id)?;
    policies(&group.attached, &group.inline)?;
    if chars(&group.inline) > IAM_GROUP_INLINE_CHARS_MAX {
        return Err("the policies inside a group can have 5,120 characters at most together");
    }
    Ok(())
}

pub(super) fn policy(policy: &ManagedPolicy) -> Checked {
    name(&policy.name, IAM_NAME_CHARS_MAX)?;
    id(&policy.id)?;
    if policy.description.chars().count() > IAM_DESCRIPTION_CHARS_MAX {
        return Err("a policy's description can have 1,000 characters at most");
    }
    if length(&policy.document) > IAM_POLICY_CHARS_MAX
        || policy.document.len() > IAM_POLICY_BYTES_MAX
    {
        return Err("a policy can have 6,144 characters at most");
    }
    Ok(())
}

pub(super) fn sealed(key: &SealedKey) -> Checked {
    id(&key.id)?;
    if key.sealed.is_empty() || key.sealed.len() > IAM_SEALED_BYTES_MAX {
        return Err("an access key without a sealed secret");
    }
    Ok(())
}

/// Whether a record of this name replaces one or there is room for it, and no other name differs
/// from it in case only.
pub(super) fn is_free<T>(table: &BTreeMap<String, T>, name: &str, max: usize) -> Checked {
    if table.contains_key(name) {
        return Ok(());
    }
    if table.keys().any(|other| other.eq_ignore_ascii_case(name)) {
        return Err("another name differs from this one in case only");
    }
    if table.len() >= max {
        return Err("there are as many as there may be");
    }
    Ok(())
}

impl Iam {
    /// About how many bytes a state snapshot has of it.
    pub(super) fn bytes(&self) -> usize {
        const RECORD: usize = 256;
        let users = self.users.values().map(|it| {
            let attached: usize = it.attached.iter().map(String::len).sum();
            RECORD + attached + weight(&it.tags) + weight(&it.inline)
        });
        let groups = self.groups.values().map(|it| {
            let attached: usize = it.attached.iter().map(String::len).sum();
            RECORD + attached + weight(&it.inline)
        });
        let policies = self.policies.values();
        let policies = policies.map(|it| RECORD + it.document.len() + it.description.len());
        let keys = self.keys.values().map(|it| RECORD + it.key.sealed.len());
        let parts = [
            users.sum::<usize>(),
            groups.sum(),
            policies.sum(),
            keys.sum(),
        ];
        parts.iter().sum()
    }
}

fn name(name: &str, chars_max: usize) -> Checked {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.is_empty() || name.len() > chars_max || !name.chars().all(fits) {
        return Err("names are letters, digits and _+=,.@-, not too many of them");
    }
    Ok(())
}

fn id(id: &str) -> Checked {
    let fits = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if id.is_empty() || id.len() > IAM_ID_BYTES_MAX || !fits {
        return Err("ids are letters and digits");
    }
    Ok(())
}

fn tags(tags: &BTreeMap<String, String>) -> Checked {
    let (key_max, value_max) = IAM_TAG_CHARS_MAX;
    if tags.len() > IAM_TAGS_MAX {
        return Err("a user can have 50 tags at most");
    }
    let fit = tags.iter().all(|(key, value)| {
        !key.is_empty() && key.chars().count() <= key_max && value.chars().count() <= value_max
    });
    // Conditions do not look at case.
    let keys: BTreeSet<String> = tags.keys().map(|key| key.to_lowercase()).collect();
    if keys.len() < tags.len() {
        return Err("the keys of two tags differ in case only");
    }
    match fit {
        true => Ok(()),
        false => Err("a tag's key has 1 to 128 characters, its value 256 at most"),
    }
}

fn policies(attached: &BTreeSet<String>, inline: &BTreeMap<String, String>) -> Checked {
    if attached.len() > IAM_ATTACHED_MAX || inline.len() > IAM_INLINE_MAX {
        return Err("10 policies at most can be attached, and 10 be inside");
    }
    for (own, document) in inline {
        name(own, IAM_NAME_CHARS_MAX)?;
        if document.len() > IAM_POLICY_BYTES_MAX {
            return Err("a policy is too long");
        }
    }
    Ok(())
}

/// About how many bytes these texts take.
pub(super) fn weight(texts: &BTreeMap<String, String>) -> usize {
    texts.iter().map(|(key, it)| key.len() + it.len() + 8).sum()
}

/// White space does not count.
fn length(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

fn chars(inline: &BTreeMap<String, String>) -> usize {
    inline.values().map(|document| length(document)).sum()
}
