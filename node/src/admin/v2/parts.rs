//! What an API consists of: routes, integrations, their responses, authorizers and models. A kind
//! of part is a table of members and a few rules; making, changing, removing and showing one is
//! the same for all.

mod authorizers;
mod integrations;
mod models;
mod responses;
mod routes;
mod template;

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tollgate_aws::operations::{Matched, V2Op};
use tollgate_aws::{AwsError, Service};
use tollgate_model::{
    Api, Authorizer, DataModel, Definition, Integration, IntegrationResponse, Route, RouteResponse,
};

use super::edit::edit_api;
use super::not_found;
use super::read::find_api;
use crate::admin::call::{Call, label};
use crate::admin::lay::lay;
use crate::admin::list::page;
use crate::admin::reply::{Outcome, Reply};

pub(super) use integrations::target;

/// The ids of parts.
trait Id: for<'t> From<&'t str> + AsRef<str> + Borrow<str> + Clone + Ord {}

impl<T> Id for T where T: for<'t> From<&'t str> + AsRef<str> + Borrow<str> + Clone + Ord {}

/// What is told of a kind of part.
struct Family {
    /// What one is called, in errors and as a source of ids.
    what: &'static str,
    /// The label of its id in paths.
    label: &'static str,
    /// Characters of a generated id.
    id_chars: usize,
    /// Members that requests may set beside AWS's.
    ours: &'static [&'static str],
}

/// A kind of part. The operation's labels say of what it is one.
trait Part: Clone + Default + Serialize + DeserializeOwned {
    /// Its id.
    type Id: Id;

    const FAMILY: Family;

    /// All of a place, by id.
    fn all<'d>(
        definition: &'d Definition,
        at: &Matched<'_>,
    ) -> Result<&'d BTreeMap<Self::Id, Self>, AwsError>;

    /// All of a place, to change.
    fn all_mut<'d>(
        definition: &'d mut Definition,
        at: &Matched<'_>,
    ) -> Result<&'d mut BTreeMap<Self::Id, Self>, AwsError>;

    /// An empty one of this id.
    fn of_id(id: Self::Id) -> Self;

    /// What follows from the members of a request, and what stands against them beside the rules
    /// of the model. `before` is what there was; `others` are those of the place.
    fn settle(
        &mut self,
        _before: &Self,
        _input: &Map<String, Value>,
        _others: &BTreeMap<Self::Id, Self>,
    ) -> Result<(), AwsError> {
        Ok(())
    }

    /// Whether nothing needs it.
    fn is_free(&self, _definition: &Definition) -> Result<(), AwsError> {
        Ok(())
    }

    /// Adds what AWS shows beside the members, and takes away what it shows elsewhere.
    fn complete(&self, _api: &Api, _shown: &mut Map<String, Value>) {}
}

/// Carries an operation on a part out; `None` when it is on something else.
pub(super) async fn run(op: V2Op, call: &Call<'_>, at: &Matched<'_>) -> Option<Outcome> {
    use V2Op as Op;
    Some(match op {
        Op::GetRoutes | Op::GetRoute | Op::CreateRoute | Op::UpdateRoute | Op::DeleteRoute => {
            answer::<Route>(call, at).await
        }
        Op::GetIntegrations
        | Op::GetIntegration
        | Op::CreateIntegration
        | Op::UpdateIntegration
        | Op::DeleteIntegration => answer::<Integration>(call, at).await,
        Op::GetAuthorizers
        | Op::GetAuthorizer
        | Op::CreateAuthorizer
        | Op::UpdateAuthorizer
        | Op::DeleteAuthorizer => answer::<Authorizer>(call, at).await,
        Op::GetModels | Op::GetModel | Op::CreateModel | Op::UpdateModel | Op::DeleteModel => {
            answer::<DataModel>(call, at).await
        }
        Op::GetRouteResponses
        | Op::GetRouteResponse
        | Op::CreateRouteResponse
        | Op::UpdateRouteResponse
        | Op::DeleteRouteResponse => answer::<RouteResponse>(call, at).await,
        Op::GetIntegrationResponses
        | Op::GetIntegrationResponse
        | Op::CreateIntegrationResponse
        | Op::UpdateIntegrationResponse
        | Op::DeleteIntegrationResponse => answer::<IntegrationResponse>(call, at).await,
        Op::DeleteRouteRequestParameter => routes::delete_request_parameter(call, at).await,
        Op::GetModelTemplate => models::template(call, at).await,
        _ => return None,
    })
}

/// The operations of a kind differ by their method, and by whether they name one of it.
async fn answer<P: Part>(call: &Call<'_>, at: &Matched<'_>) -> Outcome {
    let id = at.label(P::FAMILY.label);
    match (at.operation.method, id) {
        ("POST", None) => create::<P>(call, at).await,
        ("PATCH", Some(id)) => update::<P>(call, at, id).await,
        ("DELETE", Some(id)) => delete::<P>(call, at, id).await,
        (_, Some(id)) => get::<P>(call, at, id).await,
        (_, None) => list::<P>(call, at).await,
    }
}

fn api<'m>(at: &'m Matched<'_>) -> &'m str {
    label(at, "apiId")
}

async fn list<P: Part>(call: &Call<'_>, at: &Matched<'_>) -> Outcome {
    let (_, model) = call.model().await?;
    let api = find_api(&model, api(at))?;
    let all = P::all(&api.definition, at)?;
    let items = all.iter().map(|(id, it)| (id.as_ref(), it));
    // Tokens are those of one place, which the labels name.
    let labels = at.labels().map(|(_, value)| value);
    let name = labels.collect::<Vec<_>>().join("/") + "/" + P::FAMILY.what;
    page(call, Service::ApiGatewayV2, &name, items, |it| {
        show(it, api)
    })
}

async fn get<P: Part>(call: &Call<'_>, at: &Matched<'_>, id: &str) -> Outcome {
    let (_, model) = call.model().await?;
    let api = find_api(&model, api(at))?;
    let part = find::<P>(&api.definition, at, id)?;
    Ok(Reply::json(200, show(part, api)))
}

async fn create<P: Part>(call: &Call<'_>, at: &Matched<'_>) -> Outcome {
    let input = call.members;
    let name = call.seed.id(P::FAMILY.what, P::FAMILY.id_chars);
    let id = P::Id::from(&name);
    let edit = |api: &mut Api| {
        // Else a retry whose first answer was lost.
        if P::all(&api.definition, at)?.contains_key(&name) {
            return Ok(());
        }
        put(api, at, &P::of_id(id.clone()), &id, input)
    };
    let body = edit_api(call, api(at), edit, |api, ()| shown::<P>(api, at, &name)).await?;
    Ok(Reply::json(201, body))
}

async fn update<P: Part>(call: &Call<'_>, at: &Matched<'_>, id: &str) -> Outcome {
    let input = call.members;
    let edit = |api: &mut Api| {
        let before = find::<P>(&api.definition, at, id)?.clone();
        put(api, at, &before, &P::Id::from(id), input)
    };
    let body = edit_api(call, api(at), edit, |api, ()| shown::<P>(api, at, id)).await?;
    Ok(Reply::json(200, body))
}

async fn delete<P: Part>(call: &Call<'_>, at: &Matched<'_>, id: &str) -> Outcome {
    let edit = |api: &mut Api| {
        find::<P>(&api.definition, at, id)?.is_free(&api.definition)?;
        P::all_mut(Arc::make_mut(&mut api.definition), at)?.remove(id);
        Ok(())
    };
    edit_api(call, api(at), edit, |_, ()| ()).await?;
    Ok(Reply::empty(204))
}

fn put<P: Part>(
    api: &mut Api,
    at: &Matched<'_>,
    before: &P,
    id: &P::Id,
    input: &Map<String, Value>,
) -> Result<(), AwsError> {
    let mut part = lay(before, input, at.operation, P::FAMILY.ours)?;
    part.settle(before, input, P::all(&api.definition, at)?)?;
    P::all_mut(Arc::make_mut(&mut api.definition), at)?.insert(id.clone(), part);
    Ok(())
}

fn find<'d, P: Part>(
    definition: &'d Definition,
    at: &Matched<'_>,
    id: &str,
) -> Result<&'d P, AwsError> {
    let found = P::all(definition, at)?.get(id);
    found.ok_or_else(|| not_found(P::FAMILY.what, id))
}

fn shown<P: Part>(api: &Api, at: &Matched<'_>, id: &str) -> Value {
    let found = find::<P>(&api.definition, at, id);
    found.map(|it| show(it, api)).unwrap_or_default()
}

/// A part as `apigatewayv2` shows it: the members of the model are AWS's.
fn show<P: Part>(part: &P, api: &Api) -> Value {
    let mut shown = serde_json::to_value(part).unwrap_or_default();
    if let Some(shown) = shown.as_object_mut() {
        part.complete(api, shown);
    }
    shown
}

/// The error of a name or key that another part of the place has.
fn taken(what: &str, name: &str) -> AwsError {
    AwsError::conflict(format!("{what} {name} already exists for this API"))
}

/// The error of a change that quick create's parts do not take.
pub(super) fn managed(what: &str, id: &str) -> AwsError {
    AwsError::bad_request(format!(
        "Operation is not permitted on the API Gateway managed {what} {id}"
    ))
}
