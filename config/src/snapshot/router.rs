//! Route selection (reference 5.1): static before variable before greedy before `$default`, an
//! explicit method before `ANY`, with backtracking.

/// A compiled set of route keys.
#[derive(Debug, Default)]
pub struct Router {
    // The compiler's own business.
}

/// A matched route.
#[derive(Debug, PartialEq, Eq)]
pub struct Match<'p> {
    /// The index of the route.
    pub route: usize,
    /// The path variables in the order of the route key: name and value as it came
    /// (percent-encoded).
    pub params: Vec<(Box<str>, &'p str)>,
}

impl Router {
    /// The route for a method and a path (percent-encoded, beginning with `/`, without stage and
    /// query).
    #[must_use]
    pub fn find<'p>(&self, _method: &str, _path: &'p str) -> Option<Match<'p>> {
        None
    }
}
