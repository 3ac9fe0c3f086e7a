//! One authenticated request, and what operations read of it.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tollgate_aws::operations::Matched;
use tollgate_aws::{AwsError, ErrorKind, query_pairs};
use tollgate_cluster::{DoorError, Published};
use tollgate_model::Model;
use tollgate_protocol::codes;
use tollgate_protocol::ids::Revision;
use tollgate_state::State;

use super::AdminState;
use super::access::Access;
use super::ids::Seed;

/// An authenticated request.
pub(crate) struct Call<'a> {
    /// The listener's state.
    pub(crate) state: &'a AdminState,
    /// The query as on the wire.
    pub(crate) query: Option<&'a str>,
    /// The whole body, which is read here where it is a document.
    pub(crate) body: &'a [u8],
    /// The members of a body that is an input.
    pub(crate) members: &'a Map<String, Value>,
    /// Its name.
    pub(crate) seed: Seed,
    /// Who asks: an access key id.
    pub(crate) who: &'a str,
    /// What he may.
    pub(crate) access: &'a Access<'a>,
    /// The revision of users and permissions by which that is so.
    pub(crate) judged_by: u64,
}

impl Call<'_> {
    /// The last value of a query parameter, when it is there and not empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        query_pairs(self.query.unwrap_or_default())
            .filter(|(key, value)| key == name && !value.is_empty())
            .last()
            .map(|(_, value)| value.into_owned())
    }

    /// Whether a query parameter says `true`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.parameter(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The members of the body in this form.
    ///
    /// # Errors
    /// `SerializationException`, which quotes nothing: a value can be secret.
    pub(crate) fn input<'i, T: Deserialize<'i>>(&'i self) -> Result<T, AwsError> {
        T::deserialize(self.members).map_err(|_| {
            let text = "the body has a member that cannot be read";
            AwsError::new(ErrorKind::Serialization, text)
        })
    }

    /// A body that is a document, as JSON of this form.
    ///
    /// # Errors
    /// `SerializationException`, which names a place and quotes nothing.
    pub(crate) fn document<T: DeserializeOwned>(&self) -> Result<T, AwsError> {
        // An array would be read as the members in their order.
        if !self.body.trim_ascii_start().starts_with(b"{") {
            let text = "the body is no JSON object";
            return Err(AwsError::new(ErrorKind::Serialization, text));
        }
        serde_json::from_slice(self.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let text = format!("the body cannot be read at line {line}, column {column}");
            AwsError::new(ErrorKind::Serialization, text)
        })
    }

    /// The committed configuration.
    ///
    /// # Errors
    /// As [`Call::read`].
    pub(crate) async fn model(&self) -> Result<(Revision, Arc<Model>), AwsError> {
        let Published { revision, model } = self.state.door.configuration();
        Ok((revision, model))
    }

    /// Looks at the state, after every change that was answered before.
    ///
    /// # Errors
    /// `ServiceUnavailableException` when the node is busy or stopping.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T, AwsError> {
        Ok(self.state.door.read(look))
    }
}

/// The value of a label of the operation's path.
pub(crate) fn label<'m>(matched: &'m Matched<'_>, name: &str) -> &'m str {
    matched.label(name).unwrap_or_default()
}

/// The error of a change that the cluster's feature level does not have yet.
pub(crate) fn above(level: u16) -> AwsError {
    let code = codes::FEATURE_LEVEL.code;
    AwsError::conflict(format!(
        "{code}: the cluster works at feature level {level}, which does not have this change; it \
         rises when every node runs a newer release"
    ))
}

/// The error of a door that did not answer. The SDKs repeat the call, under the same name.
pub(crate) fn unavailable(error: &DoorError) -> AwsError {
    AwsError::new(ErrorKind::ServiceUnavailable, error.to_string()).with_retry_after(1)
}
