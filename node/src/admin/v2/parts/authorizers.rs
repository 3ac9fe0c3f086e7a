//! Authorizers.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tollgate_aws::AwsError;
use tollgate_aws::operations::Matched;
use tollgate_model::{Authorizer, Definition};
use tollgate_protocol::ids::AuthorizerId;

use super::{Family, Part, taken};

impl Part for Authorizer {
    type Id = AuthorizerId;

    const FAMILY: Family = Family {
        what: "authorizer",
        label: "authorizerId",
        id_chars: 6,
        ours: &[],
    };

    fn all<'d>(
        definition: &'d Definition,
        _: &Matched<'_>,
    ) -> Result<&'d BTreeMap<AuthorizerId, Self>, AwsError> {
        Ok(&definition.authorizers)
    }

    fn all_mut<'d>(
        definition: &'d mut Definition,
        _: &Matched<'_>,
    ) -> Result<&'d mut BTreeMap<AuthorizerId, Self>, AwsError> {
        Ok(&mut definition.authorizers)
    }

    fn of_id(id: AuthorizerId) -> Self {
        Self {
            authorizer_id: id,
            ..Self::default()
        }
    }

    fn settle(
        &mut self,
        _: &Self,
        _: &Map<String, Value>,
        others: &BTreeMap<AuthorizerId, Self>,
    ) -> Result<(), AwsError> {
        let mut others = others.values();
        if others.any(|it| it.name == self.name && it.authorizer_id != self.authorizer_id) {
            return Err(taken("Authorizer", &self.name));
        }
        Ok(())
    }

    /// What routes of the working copy need stays; what was deployed keeps its own copy.
    fn is_free(&self, definition: &Definition) -> Result<(), AwsError> {
        let id = Some(&self.authorizer_id);
        let mut routes = definition.routes.values();
        match routes.find(|route| route.authorizer_id.as_ref() == id) {
            None => Ok(()),
            Some(route) => Err(AwsError::conflict(format!(
                "Cannot delete authorizer {}. Route {} is using it.",
                self.authorizer_id, route.route_key
            ))),
        }
    }
}
