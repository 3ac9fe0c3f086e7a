//! Ids as types, so that an API id is never taken for a key id. Copies share their text: a resource
//! is kept under its id, and tables of them are copied often.

use alloc::string::String;
use alloc::sync::Arc;
use core::borrow::Borrow;
use core::fmt;

use serde::{Deserialize, Serialize};

/// A node of the cluster, from 1. Ids are never reused, so that what was said of a dead node is never
/// true of a new one.
pub type NodeId = u64;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
                 bincode::Encode, bincode::Decode)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// An API: 1 to 32 characters of `[a-z0-9-]`, generated ones are 10 of `[a-z0-9]`.
    ApiId
);
id!(
    /// A route of an API, 7 characters of `[a-z0-9]`.
    RouteId
);
id!(
    /// An integration of an API, 7 characters of `[a-z0-9]`.
    IntegrationId
);
id!(
    /// A deployment of an API, 6 characters of `[a-z0-9]`.
    DeploymentId
);
id!(
    /// A stage of an API: `[A-Za-z0-9_-]`, at most 128, or `$default`.
    StageName
);
id!(
    /// An API key (not its secret value), 10 characters of `[a-z0-9]` when generated.
    KeyId
);
id!(
    /// A usage plan, 6 characters of `[a-z0-9]` when generated.
    PlanId
);
id!(
    /// An authorizer of an API, 6 characters of `[a-z0-9]`.
    AuthorizerId
);
id!(
    /// A model of an API, 6 characters of `[a-z0-9]`.
    ModelId
);
id!(
    /// A response of a route, 6 characters of `[a-z0-9]`.
    RouteResponseId
);
id!(
    /// A response of an integration, 6 characters of `[a-z0-9]`.
    IntegrationResponseId
);
id!(
    /// An API mapping of a domain name, 6 characters of `[a-z0-9]`.
    MappingId
);
id!(
    /// A routing rule of a domain name, 6 characters of `[a-z0-9]`.
    RuleId
);

/// The configuration's version: it grows by one with every committed change.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Debug,
    Serialize,
    Deserialize,
    bincode::Encode,
    bincode::Decode,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
