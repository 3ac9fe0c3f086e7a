//! Lists in pages, in the order of their keys.

use serde_json::{Map, Value};
use tollgate_aws::wire::{PageRequest, page_token};
use tollgate_aws::{AwsError, Service};

use super::call::Call;
use super::reply::{Outcome, Reply};

/// One page of `items`, which come in the order of their keys. `name` names the list in tokens.
///
/// # Errors
/// `BadRequestException` for a page that cannot be.
pub(crate) fn page<'k, T>(
    call: &Call<'_>,
    service: Service,
    name: &str,
    items: impl Iterator<Item = (&'k str, T)>,
    render: impl Fn(T) -> Value,
) -> Outcome {
    let (items, next) = cut(call, service, name, items)?;
    let (list_name, token_name) = match service {
        Service::ApiGateway => ("item", "position"),
        Service::ApiGatewayV2 | Service::Management => ("items", "nextToken"),
    };
    let mut body = Map::new();
    let rendered: Vec<Value> = items.into_iter().map(|(_, item)| render(item)).collect();
    body.insert(list_name.into(), rendered.into());
    if let Some(token) = next {
        body.insert(token_name.into(), token.into());
    }
    Ok(Reply::json(200, body.into()))
}

/// A page and the token of the one behind it.
pub(crate) type Page<'k, T> = (Vec<(&'k str, T)>, Option<String>);

/// The items of the page asked for, and the token of the next one.
///
/// # Errors
/// As [`page`].
pub(crate) fn cut<'k, T>(
    call: &Call<'_>,
    service: Service,
    name: &str,
    items: impl Iterator<Item = (&'k str, T)>,
) -> Result<Page<'k, T>, AwsError> {
    let wanted = PageRequest::parse(service, call.query, name)?;
    let items_max = wanted.items_max as usize;
    let mut rest =
        items.skip_while(|(key, _)| wanted.after.as_deref().is_some_and(|after| *key <= after));
    let page: Vec<(&str, T)> = rest.by_ref().take(items_max).collect();
    let more = rest.next().is_some();
    let token = page
        .last()
        .filter(|_| more)
        .map(|(last, _)| page_token(name, last));
    Ok((page, token))
}
