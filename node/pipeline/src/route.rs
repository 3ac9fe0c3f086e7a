//! From method and path to a route of the stage (reference 5.1).

use std::sync::Arc;

use tollgate_config::snapshot::{RoutePlan, StagePlan};

use crate::fault::{Fault, FaultKind};

/// The route of a request.
#[derive(Debug)]
pub(crate) struct Matched<'a> {
    /// The route.
    pub(crate) route: &'a Arc<RoutePlan>,
    /// The path variables: name and value as it came (percent-encoded).
    pub(crate) params: Vec<(&'a str, &'a str)>,
}

/// Selects the route.
///
/// # Errors
/// `NotFound` when no route takes the method and the path.
pub(crate) fn select<'a>(
    stage: &'a StagePlan,
    method: &str,
    path: &'a str,
) -> Result<Matched<'a>, Fault> {
    let found = stage
        .router
        .find(method, path)
        .ok_or_else(|| Fault::new(FaultKind::NotFound, "no route"))?;
    let route = stage
        .routes
        .get(found.route)
        .ok_or_else(|| Fault::new(FaultKind::Configuration, "the router names no route"))?;
    Ok(Matched {
        route,
        params: found.params,
    })
}
