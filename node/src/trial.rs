//! Whether a configuration can be served, before it is stored. Its rules and the compiler look at
//! names and texts; certificates and keys are read here, by those who will use them.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tollgate_config::cells::{BucketId, CellSource, SlotSource, TokenBucket, Unleased};
use tollgate_config::compile::{self, CompileError, NodeFacts, compile};
use tollgate_config::snapshot::Snapshot;
use tollgate_model::{Change, Model, Quota, Throttle, Upstream};
use tollgate_protocol::ids::{KeyId, PlanId, Revision};
use tollgate_upstream::TlsSpecError;

use crate::admin::KeyHolders;
use crate::boot::tls_spec;
use crate::tls;

/// Whether a configuration can be served; what `served` serves already is not tried again.
///
/// # Errors
/// Everything that stands against it.
pub(crate) fn try_serve(
    model: &Arc<Model>,
    facts: &NodeFacts,
    served: Option<&Snapshot>,
) -> Result<(), Vec<CompileError>> {
    let compiled = compile(model, Revision(0), facts, served, &mut TrialCells);
    let mut errors = compiled.err().unwrap_or_default();
    let old = served.map(|served| &*served.model);
    for (name, it) in changed(&model.certificates, old.map(|old| &old.certificates)) {
        if let Err(error) = tls::check(it) {
            errors.push(CompileError {
                path: format!("certificates.{name}"),
                reason: error.to_string(),
            });
        }
    }
    for (name, it) in changed(&model.upstreams, old.map(|old| &old.upstreams)) {
        errors.extend(unusable(name, it));
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// Whether a configuration can be served with these changes, which are part of it; what they do
/// not touch is not tried.
///
/// # Errors
/// Everything that stands against them.
pub(crate) fn try_changes(
    model: &Arc<Model>,
    changes: &[Change],
    facts: &NodeFacts,
    served: &Snapshot,
) -> Result<(), Vec<CompileError>> {
    let mut errors = Vec::new();
    for change in changes {
        match change {
            Change::PutApi(api) | Change::UpdateApi { api, .. } => {
                // That of an update lacks what stays.
                let api = model.apis.get(&api.api_id);
                errors.extend(
                    api.into_iter().flat_map(|api| {
                        compile::try_api(model, api, facts, served, &mut TrialCells)
                    }),
                );
            }
            // No rule of the compiler looks at these. Who refers to what is gone is known.
            Change::PutUsagePlan(_)
            | Change::DeleteUsagePlan(_)
            | Change::PutApiKey(_)
            | Change::DeleteApiKey(_)
            | Change::DeleteApi(_)
            | Change::DeleteDomainName(_) => {}
            Change::PutUpstream(_)
            | Change::DeleteUpstream(_)
            | Change::PutFunction(_)
            | Change::DeleteFunction(_)
            | Change::PutDomainName(_)
            | Change::PutCertificate(_)
            | Change::DeleteCertificate(_)
            | Change::SetDefaultMapping(_) => return try_serve(model, facts, Some(served)),
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// Finds the key of a model that has a secret. Snapshots find keys by it; this one may be of another
/// revision than the model, and what lies between them is looked at once, when it is needed.
pub(crate) fn key_holders(served: Arc<Snapshot>, model: &Model) -> KeyHolders<'_> {
    let newer: OnceCell<HashMap<Box<str>, KeyId>> = OnceCell::new();
    Box::new(move |value| {
        let known = served.keys.get(&compile::digest(value));
        let known = known.and_then(|it| model.api_keys.get(&it.key_id));
        if let Some(key) = known.filter(|key| key.value == value) {
            return Some(key.id.clone());
        }
        let newer = newer.get_or_init(|| {
            let changed = served.model.api_keys.changes(&model.api_keys);
            let after = changed.filter_map(|(_, _, key)| key);
            after
                .map(|key| (key.value.as_str().into(), key.id.clone()))
                .collect()
        });
        newer.get(value).cloned()
    })
}

/// What is not the same already.
fn changed<'m, V: PartialEq>(
    new: &'m BTreeMap<String, Arc<V>>,
    old: Option<&'m BTreeMap<String, Arc<V>>>,
) -> impl Iterator<Item = (&'m str, &'m V)> {
    let same = move |name: &str, it: &Arc<V>| {
        let old = old.and_then(|old| old.get(name));
        old.is_some_and(|old| Arc::ptr_eq(old, it) || old == it)
    };
    let all = new.iter().map(|(name, it)| (name.as_str(), it));
    all.filter(move |(name, it)| !same(name, it))
        .map(|(name, it)| (name, &**it))
}

/// What is wrong with the certificates, keys and names of a group.
fn unusable(name: &str, upstream: &Upstream) -> Option<CompileError> {
    let (member, reason) = match tls_spec(upstream).check().err()? {
        TlsSpecError::Ca(reason) => ("caCertificate", reason),
        TlsSpecError::ClientCert(reason) => ("clientCertificate", reason),
        TlsSpecError::Key(reason) => ("clientPrivateKey", reason),
        TlsSpecError::ServerName(reason) => ("serverNameToVerify", reason),
    };
    Some(CompileError {
        path: format!("upstreams.{name}.{member}"),
        reason,
    })
}

/// Cells that nobody will ever use, for trying a configuration out.
#[derive(Debug)]
struct TrialCells;

impl CellSource for TrialCells {
    fn find(&mut self, _: &BucketId) -> Option<Arc<TokenBucket>> {
        None
    }

    fn bucket(&mut self, _: BucketId, throttle: Throttle) -> Arc<TokenBucket> {
        Arc::new(TokenBucket::new(throttle))
    }

    fn quota(&mut self, plan: &PlanId, quota: Quota) -> Arc<dyn SlotSource> {
        let plan = plan.clone();
        Arc::new(Unleased { plan, quota })
    }
}

#[cfg(test)]
mod tests {
    use tollgate_model::Certificate;

    use super::*;

    fn facts() -> NodeFacts {
        NodeFacts {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
            cache_ttl_seconds_max: 3600,
        }
    }

    fn paths(model: &Model, served: Option<&Snapshot>) -> Vec<String> {
        let tried = try_serve(&Arc::new(model.clone()), &facts(), served);
        let errors = tried.err().unwrap_or_default();
        errors.into_iter().map(|error| error.path).collect()
    }

    #[test]
    fn certificates_and_keys_that_cannot_be_used_are_refused() {
        let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        let (good, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let mut model = Model::default();
        for (name, certificate) in [("good", good.as_str()), ("bad", bad)] {
            let certificate = Certificate {
                name: name.into(),
                certificate: certificate.into(),
                private_key: key.clone(),
            };
            let upstream = Upstream {
                name: name.into(),
                ca_certificate: Some(certificate.certificate.clone()),
                client_certificate: Some(good.clone()),
                client_private_key: Some(key.clone()),
                ..Upstream::default()
            };
            model
                .certificates
                .insert(name.into(), Arc::new(certificate));
            model.upstreams.insert(name.into(), Arc::new(upstream));
        }
        let refused = ["certificates.bad", "upstreams.bad.caCertificate"];
        assert_eq!(paths(&model, None), refused);
        // What an older release took must not stand in the way of other changes.
        let served = compile(
            &Arc::new(model.clone()),
            Revision(1),
            &facts(),
            None,
            &mut TrialCells,
        )
        .unwrap();
        assert!(paths(&model, Some(&served)).is_empty());
    }
}
