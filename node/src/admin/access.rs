//! What a call needs, and whether its caller may.
//!
//! Sources: Service Authorization Reference for AWS's operations (`tollgate_aws::operations`), the
//! table of native ones ([`super::native::table`]); IAM User Guide, "AWS global condition
//! context keys".

use std::borrow::Cow;
use std::collections::BTreeMap;

use actix_web::HttpRequest;
use serde_json::{Map, Value};
use tollgate_aws::arn::{TagResource, tag_arn};
use tollgate_aws::operations::{Authorization, Matched, Op, Place, V2Op, authorization};
use tollgate_aws::wire::to_iso8601;
use tollgate_aws::{AwsError, Denial, ErrorKind, Service, encode_label};
use tollgate_model::Api;
use tollgate_policy::Context;

use super::given::Given;
use super::{AdminState, conditions};
use crate::connections;
use crate::iam::{Principal, Verdict, decide};

/// Who asks, from where, and what for, as conditions see it.
pub(crate) struct Access<'a> {
    principal: &'a Principal,
    context: Context<'a>,
    /// Whether it sets tags.
    pub(crate) tags: bool,
    /// Whether it sets tags or takes some away.
    names_tags: bool,
    /// What the import of a document needs, for when it is known what the document says.
    import: Option<Authorization>,
    /// Whether the operation is about the whole configuration.
    whole: bool,
}

/// A decision and what it was about: what the trail of a call says.
#[derive(Debug)]
pub(crate) struct Judged {
    /// What was needed.
    pub(crate) needed: Authorization,
    /// What was decided, and why.
    pub(crate) verdict: Verdict,
}

impl<'a> Access<'a> {
    /// What is known of a call. Tags that it sets are read from its body.
    pub(crate) fn new(
        state: &AdminState,
        principal: &'a Principal,
        request: &'a HttpRequest,
        given: &Given,
    ) -> Self {
        let mut context = Context::new();
        // To root and in development nothing is refused, so nobody looks at it.
        if !principal.is_root() {
            principal.describe(&mut context);
            describe_request(state, request, &mut context);
            describe_tags(given, &mut context);
        }
        Self {
            principal,
            context,
            tags: !given.tags.is_empty(),
            names_tags: !given.tag_keys.is_empty(),
            import: None,
            whole: false,
        }
    }

    /// Who asks.
    pub(crate) fn principal(&self) -> &Principal {
        self.principal
    }

    /// Adds the keys of conditions that tell what the call asks for and what it is about.
    pub(crate) fn about(
        &mut self,
        state: &AdminState,
        matched: &Matched<'_>,
        input: &Map<String, Value>,
        own: Option<&Authorization>,
    ) {
        if self.principal.is_root() {
            return;
        }
        let model = state.door.configuration().model;
        conditions::describe(&model, matched, input, &mut self.context);
        let op = matched.operation.op;
        if matches!(op, Op::V2(V2Op::ImportApi | V2Op::ReimportApi)) {
            self.import = own.cloned();
        }
    }

    /// Judges an import once more, by what its document makes of an API.
    ///
    /// # Errors
    /// `AccessDeniedException`
    pub(crate) fn require_import(&self, before: Option<&Api>, after: &Api) -> Result<(), AwsError> {
        let Some(needed) = self.import.clone() else {
            return Ok(());
        };
        let mut context = self.context.clone();
        conditions::describe_import(before, after, &mut context);
        self.require_in(needed, &context)
    }

    /// Adds a key of conditions that only this operation has.
    pub(crate) fn set(&mut self, key: &'static str, value: String) {
        self.context.set(key, value);
    }

    /// Says that the operation is about the whole configuration.
    pub(crate) fn about_all(&mut self) {
        self.whole = true;
    }

    /// Whether the operation is about the whole configuration.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Judges one more thing that turned out to be needed.
    ///
    /// # Errors
    /// `AccessDeniedException`
    pub(crate) fn require(&self, needed: Authorization) -> Result<(), AwsError> {
        self.refusal(&self.judge(needed)).map_or(Ok(()), Err)
    }

    /// [`Access::require`] for the tags that a thing is to have, which the call's input does not
    /// name: conditions see them.
    ///
    /// # Errors
    /// `AccessDeniedException`
    pub(crate) fn require_tags(
        &self,
        needed: Authorization,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), AwsError> {
        let mut context = self.context.clone();
        for (key, value) in tags {
            context.set(format!("aws:RequestTag/{key}"), value.clone());
        }
        context.set_all("aws:TagKeys", tags.keys().cloned());
        self.require_in(needed, &context)
    }

    fn require_in(&self, needed: Authorization, context: &Context<'_>) -> Result<(), AwsError> {
        let (action, resource) = (&needed.action, &needed.resource);
        let verdict = decide(self.principal, action, resource, context);
        let judged = Judged { needed, verdict };
        self.refusal(&judged).map_or(Ok(()), Err)
    }

    /// Whether the call's own input names tags, which were judged with it.
    pub(crate) fn names_tags(&self) -> bool {
        self.names_tags
    }

    /// Decides on one thing that the call needs.
    pub(crate) fn judge(&self, needed: Authorization) -> Judged {
        let (action, resource) = (&needed.action, &needed.resource);
        let verdict = decide(self.principal, action, resource, &self.context);
        Judged { needed, verdict }
    }

    /// The error of a call that was not allowed.
    pub(crate) fn refusal(&self, judged: &Judged) -> Option<AwsError> {
        let denial = match judged.verdict {
            Verdict::Root | Verdict::Allowed(_) => return None,
            Verdict::Denied(_) => Denial::Explicit,
            Verdict::Silent | Verdict::Unreadable(_) => Denial::NoAllow,
        };
        let Authorization { action, resource } = &judged.needed;
        let who = self.principal.arn();
        Some(AwsError::access_denied(&who, action, resource, denial))
    }
}

fn describe_request<'a>(state: &AdminState, request: &'a HttpRequest, context: &mut Context<'a>) {
    let now = state.clock.now().0;
    context.set("aws:CurrentTime", to_iso8601(now));
    context.set("aws:EpochTime", (now / 1000).to_string());
    // The admin listener speaks plain HTTP; a proxy's TLS is not seen here.
    context.set("aws:SecureTransport", "false");
    // No service of AWS's calls here, which policies for AWS ask in their denials.
    context.set("aws:ViaAWSService", "false");
    context.set("aws:PrincipalIsAWSService", "false");
    context.set("aws:ResourceAccount", state.account_id.clone());
    context.set("aws:RequestedRegion", state.region.clone());
    if let Some(peer) = request.peer_addr() {
        context.set("aws:SourceIp", peer.ip().to_canonical().to_string());
    }
    for (key, header) in [("aws:UserAgent", "user-agent"), ("aws:Referer", "referer")] {
        let value = request.headers().get(header);
        if let Some(value) = value.and_then(|it| it.to_str().ok()) {
            context.set(key, value);
        }
    }
}

/// The tags that a call sets or takes away.
fn describe_tags(given: &Given, context: &mut Context<'_>) {
    for (key, value) in &given.tags {
        context.set(format!("aws:RequestTag/{key}"), value.clone());
    }
    if !given.tag_keys.is_empty() {
        context.set_all("aws:TagKeys", given.tag_keys.clone());
    }
}

/// Everything that a call of one of AWS's operations needs: its own action, and that of tagging
/// where it creates something with tags. What is tagged has no id yet, so `*` stands for it. What
/// depends on the change that comes of it is judged in [`super::permit`].
///
/// # Errors
/// As [`connections::place`].
pub(crate) fn needs_of(
    state: &AdminState,
    matched: &Matched<'_>,
    sets_tags: bool,
) -> Result<Vec<Authorization>, AwsError> {
    let labels: Vec<Cow<'_, str>> = matched
        .labels()
        .map(|(name, value)| as_found(state, name, value))
        .collect();
    let labels: Vec<&str> = labels.iter().map(|label| &**label).collect();
    let operation = matched.operation;
    let stage = match operation.op {
        Op::Management(_) => Some(connections::place(matched.prefix)?),
        Op::V1(_) | Op::V2(_) => None,
    };
    let place = Place {
        region: &state.region,
        account: &state.account_id,
        stage,
    };
    let unknown = || AwsError::new(ErrorKind::Internal, "nobody knows what this needs");
    let own = authorization(operation, &labels, &place).ok_or_else(unknown)?;
    let tagging = (sets_tags && is_creation(matched)).then(|| {
        let method = match operation.service {
            Service::ApiGateway => "PUT",
            Service::ApiGatewayV2 | Service::Management => "POST",
        };
        let made = format!("{}/*", own.resource.trim_end_matches("/*"));
        Authorization {
            action: format!("apigateway:{method}"),
            resource: format!(
                "arn:aws:apigateway:{}::/tags/{}",
                place.region,
                encode_label(&made)
            ),
        }
    });
    Ok(std::iter::once(own).chain(tagging).collect())
}

/// A label as what it names is called: one thing has one ARN, however a caller writes it.
fn as_found<'l>(state: &AdminState, name: &str, value: &'l str) -> Cow<'l, str> {
    match name {
        // Names of domains are looked up in lower case.
        "domainName" | "domain_name" => Cow::Owned(value.to_ascii_lowercase()),
        // Of the ARN of a thing only its path is looked at.
        "resource-arn" | "resource_arn" => match TagResource::parse(value) {
            Ok(thing) => Cow::Owned(tag_arn(&state.region, &state.account_id, &thing)),
            Err(_) => Cow::Borrowed(value),
        },
        _ => Cow::Borrowed(value),
    }
}

/// Whether an operation makes something: its template ends with a collection.
fn is_creation(matched: &Matched<'_>) -> bool {
    let operation = matched.operation;
    operation.method == "POST"
        && !matches!(operation.op, Op::Management(_))
        && !operation.uri.contains("/tags/")
}
