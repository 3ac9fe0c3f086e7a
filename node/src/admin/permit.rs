//! What a planned change needs beyond the operation that makes it.
//!
//! An operation's action says what kind of call it is. Some changes weigh more than that: a
//! function is a program that runs as the gateway, the servers of a group that is there already take
//! over the traffic of every API that leads to it, and a trust store decides who calls a domain name
//! (Service Authorization Reference: `AddCertificateToDomain`, `RemoveCertificateFromDomain`). Tags
//! decide what policies allow, and a document that is imported can bring some. They are judged by what
//! would change, and not by what a body says.

use std::collections::BTreeMap;

use tollgate_aws::arn::{TagResource, tag_arn};
use tollgate_aws::operations::Authorization;
use tollgate_aws::{AwsError, encode_label};
use tollgate_model::{Change, Model, kind};

use super::call::Call;

/// The action of making, changing or deleting a function, whichever operation does it.
pub(crate) const PUT_FUNCTION: &str = "tollgate:PutFunction";

/// Judges what changes need on top.
///
/// # Errors
/// `AccessDeniedException` for the first that the caller may not.
pub(crate) fn permit(call: &Call<'_>, before: &Model, changes: &[Change]) -> Result<(), AwsError> {
    if call.access.principal().is_root() {
        return Ok(());
    }
    for change in changes {
        if let Some(needed) = needed(call, before, change) {
            call.access.require(needed)?;
        }
        imported(call, before, change)?;
    }
    Ok(())
}

/// What a document brings: routes and authorizers, which conditions can be about, and tags of the
/// API, which the call's input does not name.
fn imported(call: &Call<'_>, before: &Model, change: &Change) -> Result<(), AwsError> {
    let (Change::PutApi(api) | Change::UpdateApi { api, .. }) = change else {
        return Ok(());
    };
    let there = before.apis.get(&api.api_id);
    call.access.require_import(there.map(|it| &**it), api)?;
    let none = BTreeMap::new();
    let there = there.map_or(&none, |it| &it.tags);
    if call.access.is_whole() || call.access.names_tags() || *there == api.tags {
        return Ok(());
    }
    let (region, account) = (&call.state.region, &call.state.account_id);
    let tagged = TagResource::Api(api.api_id.to_string());
    let tagged = encode_label(&tag_arn(region, account, &tagged));
    let needed = Authorization {
        action: "apigateway:POST".to_owned(),
        resource: format!("arn:aws:apigateway:{region}::/tags/{tagged}"),
    };
    call.access.require_tags(needed, &api.tags)
}

fn needed(call: &Call<'_>, before: &Model, change: &Change) -> Option<Authorization> {
    let (region, account) = (&call.state.region, &call.state.account_id);
    if let (kind::FUNCTION, name) = change.subject() {
        return Some(Authorization {
            action: PUT_FUNCTION.to_owned(),
            resource: format!("arn:aws:tollgate:{region}:{account}:function/{name}"),
        });
    }
    // Whoever may change the whole configuration may change the rest of it.
    if call.access.is_whole() {
        return None;
    }
    let (action, path) = match change {
        Change::PutUpstream(group) => {
            let there = before.upstreams.get(&group.name)?;
            let moves = there.servers != group.servers;
            moves.then(|| ("PATCH", format!("/vpclinks/{}", group.name)))
        }
        Change::PutDomainName(after) => {
            let there = before.domain_names.get(&after.domain_name);
            let trusted = there.and_then(|it| it.mutual_tls_authentication.as_ref());
            let trusts = after.mutual_tls_authentication.as_ref();
            let action = match trusts {
                Some(_) => "AddCertificateToDomain",
                None => "RemoveCertificateFromDomain",
            };
            (trusted != trusts).then(|| (action, format!("/domainnames/{}", after.domain_name)))
        }
        _ => None,
    }?;
    Some(Authorization {
        action: format!("apigateway:{action}"),
        resource: format!("arn:aws:apigateway:{region}::{path}"),
    })
}
