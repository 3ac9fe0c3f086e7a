//! Route selection (reference 5.1): static before variable before greedy before `$default`, an
//! explicit method before `ANY`, with backtracking.
//!
//! Our own and not `matchit`: that one refuses `/{id}` beside `/{proxy+}`, which HTTP APIs allow,
//! and knows no methods. Here a failed branch falls back to the next weaker one.

use std::borrow::Cow;

use super::FastMap;

/// A compiled set of route keys.
#[derive(Debug, Default)]
pub struct Router {
    /// The trie; the first node is the root.
    nodes: Vec<Node>,
    /// The names of the path variables by route.
    names: Vec<Box<[Box<str>]>>,
    /// The route of `$default`.
    default: Option<usize>,
}

/// An index of a node or a route. A trie has about two nodes a route and every one of them holds
/// several indexes: with `usize` the tries of 5,000 routes took 3 MB, with this half of it.
type Index = u32;

#[derive(Debug, Default)]
struct Node {
    literals: FastMap<Box<str>, Index>,
    variable: Option<Index>,
    /// Routes that end here.
    exact: Methods,
    /// Routes that end in a greedy variable below here.
    greedy: Methods,
}

#[derive(Debug, Default)]
struct Methods {
    named: Box<[(Box<str>, Index)]>,
    any: Option<Index>,
}

/// A matched route.
#[derive(Debug, PartialEq, Eq)]
pub struct Match<'r, 'p> {
    /// The index of the route.
    pub route: usize,
    /// The path variables in the order of the route key: name and value as it came
    /// (percent-encoded).
    pub params: Vec<(&'r str, &'p str)>,
}

/// Why a set of route keys cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteKeyError {
    /// Not `METHOD /path` and not `$default`.
    #[error("route key {0:?} is neither `METHOD /path` nor `$default`")]
    Syntax(String),
    /// Two route keys that no request could tell apart.
    #[error("route key {0:?} matches the same requests as another one")]
    Duplicate(String),
    /// A greedy variable before the end.
    #[error("route key {0:?} has a greedy variable that is not the last segment")]
    GreedyNotLast(String),
}

impl Router {
    /// Compiles route keys; a match tells the index in this order.
    ///
    /// # Errors
    /// [`RouteKeyError`] for the first key that cannot be taken.
    pub fn new<'k>(route_keys: impl IntoIterator<Item = &'k str>) -> Result<Self, RouteKeyError> {
        let mut router = Self {
            nodes: vec![Node::default()],
            ..Self::default()
        };
        for (route, key) in route_keys.into_iter().enumerate() {
            router.insert(route, key)?;
        }
        router.nodes.shrink_to_fit();
        router.names.shrink_to_fit();
        Ok(router)
    }

    /// The route for a method and a path (percent-encoded, beginning with `/`, without stage and
    /// query).
    #[must_use]
    pub fn find<'r, 'p>(&'r self, method: &str, path: &'p str) -> Option<Match<'r, 'p>> {
        let mut search = Search {
            router: self,
            method,
            values: Vec::new(),
        };
        let rest = path.strip_prefix('/').unwrap_or(path);
        let root = self.nodes.first()?;
        let route = search
            .exact(root, (!rest.is_empty()).then_some(rest))
            .or_else(|| search.greedy(root, rest))
            .or(self.default)?;
        let names = self.names.get(route).map_or(&[][..], |names| names);
        let params = names
            .iter()
            .map(|name| &**name)
            .zip(search.values)
            .collect();
        Some(Match { route, params })
    }

    fn insert(&mut self, route: usize, key: &str) -> Result<(), RouteKeyError> {
        self.names
            .resize(self.names.len().max(route + 1), Box::default());
        if key == "$default" {
            return match self.default.replace(route) {
                None => Ok(()),
                Some(_) => Err(RouteKeyError::Duplicate(key.into())),
            };
        }
        let (method, path) = key
            .split_once(' ')
            .filter(|(method, path)| !method.is_empty() && path.starts_with('/'))
            .ok_or_else(|| RouteKeyError::Syntax(key.into()))?;
        let mut node = 0;
        let mut names: Vec<Box<str>> = Vec::new();
        let mut greedy = false;
        for segment in path[1..].split('/').filter(|_| path.len() > 1) {
            if greedy {
                return Err(RouteKeyError::GreedyNotLast(key.into()));
            }
            match segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
            {
                Some(name) => {
                    let plain = name.strip_suffix('+');
                    greedy = plain.is_some();
                    names.push(plain.unwrap_or(name).into());
                    if !greedy {
                        node = self.variable_child(node);
                    }
                }
                None => node = self.literal_child(node, segment),
            }
        }
        self.names[route] = names.into();
        let end = &mut self.nodes[node];
        let methods = if greedy {
            &mut end.greedy
        } else {
            &mut end.exact
        };
        if methods.add(method, route) {
            Ok(())
        } else {
            Err(RouteKeyError::Duplicate(key.into()))
        }
    }

    fn variable_child(&mut self, node: usize) -> usize {
        if let Some(child) = self.nodes[node].variable {
            return child as usize;
        }
        let child = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[node].variable = Some(index(child));
        child
    }

    fn literal_child(&mut self, node: usize, segment: &str) -> usize {
        if let Some(child) = self.nodes[node].literals.get(segment) {
            return *child as usize;
        }
        let child = self.nodes.len();
        self.nodes.push(Node::default());
        let literals = &mut self.nodes[node].literals;
        literals.insert(segment.into(), index(child));
        child
    }
}

/// # Panics
/// Never: a configuration is bounded in bytes (`COMMAND_BYTES_MAX`), and every node takes some.
fn index(of: usize) -> Index {
    Index::try_from(of).expect("a configuration has fewer than 2^32 segments")
}

impl Methods {
    fn add(&mut self, method: &str, route: usize) -> bool {
        let route = index(route);
        if method == "ANY" {
            return self.any.replace(route).is_none();
        }
        if self.named.iter().any(|(name, _)| &**name == method) {
            return false;
        }
        let mut named = std::mem::take(&mut self.named).into_vec();
        named.reserve_exact(1);
        named.push((method.into(), route));
        self.named = named.into();
        true
    }

    fn get(&self, method: &str) -> Option<usize> {
        let named = self.named.iter().find(|(name, _)| &**name == method);
        let route = named.map(|(_, route)| *route).or(self.any)?;
        Some(route as usize)
    }
}

struct Search<'r, 'm, 'p> {
    router: &'r Router,
    method: &'m str,
    values: Vec<&'p str>,
}

impl<'r, 'p> Search<'r, '_, 'p> {
    /// A route whose every segment matches. `rest` is `None` when the path is used up.
    fn exact(&mut self, node: &'r Node, rest: Option<&'p str>) -> Option<usize> {
        let Some(rest) = rest else {
            return node.exact.get(self.method);
        };
        let (segment, rest) = split(rest);
        if let Some(child) = self.literal(node, segment)
            && let Some(found) = self.exact(child, rest)
        {
            return Some(found);
        }
        let child = self.router.nodes.get(node.variable? as usize)?;
        if segment.is_empty() {
            return None;
        }
        self.values.push(segment);
        let found = self.exact(child, rest);
        if found.is_none() {
            self.values.pop();
        }
        found
    }

    /// A route that ends in a greedy variable: the longest literal prefix wins.
    fn greedy(&mut self, node: &'r Node, rest: &'p str) -> Option<usize> {
        if rest.is_empty() {
            return None;
        }
        let (segment, below) = split(rest);
        if let Some(below) = below {
            if let Some(child) = self.literal(node, segment)
                && let Some(found) = self.greedy(child, below)
            {
                return Some(found);
            }
            if let Some(child) = node
                .variable
                .and_then(|it| self.router.nodes.get(it as usize))
                && !segment.is_empty()
            {
                self.values.push(segment);
                if let Some(found) = self.greedy(child, below) {
                    return Some(found);
                }
                self.values.pop();
            }
        }
        let found = node.greedy.get(self.method)?;
        self.values.push(rest);
        Some(found)
    }

    fn literal(&self, node: &Node, segment: &str) -> Option<&'r Node> {
        if node.literals.is_empty() {
            return None;
        }
        let child = match node.literals.get(segment) {
            Some(child) => *child,
            // `/%61dmin` is `/admin` (RFC 3986, 6.2.2.2): it must not slip to a weaker route.
            None if segment.contains('%') => *node.literals.get(&*decode(segment)?)?,
            None => return None,
        };
        self.router.nodes.get(child as usize)
    }
}

/// At the first slash. By bytes: `split_once` sets up a search that pays off on long texts only.
fn split(rest: &str) -> (&str, Option<&str>) {
    match rest.bytes().position(|byte| byte == b'/') {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    }
}

/// The decoded segment, `None` when it is not UTF-8 or would hold a slash.
fn decode(segment: &str) -> Option<Cow<'_, str>> {
    let decoded = percent_encoding::percent_decode_str(segment)
        .decode_utf8()
        .ok()?;
    (!decoded.contains('/')).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 10] = [
        "GET /pets/dog/1",
        "GET /pets/dog/{id}",
        "GET /pets/{proxy+}",
        "ANY /{proxy+}",
        "$default",
        "GET /",
        "POST /pets/{kind}/{id}",
        "ANY /pets/cat",
        "PUT /pets/{kind}",
        "GET /a/{x}/c/{rest+}",
    ];

    fn found(method: &str, path: &str) -> (String, Vec<String>) {
        let router = Router::new(KEYS).unwrap();
        let found = router.find(method, path).unwrap();
        let params = found
            .params
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (KEYS[found.route].into(), params)
    }

    #[test]
    fn selects_as_the_guide_says() {
        let cases: [(&str, &str, &str, &[&str]); 16] = [
            ("GET", "/pets/dog/1", "GET /pets/dog/1", &[]),
            ("GET", "/pets/dog/2", "GET /pets/dog/{id}", &["id=2"]),
            ("GET", "/pets/cat/1", "GET /pets/{proxy+}", &["proxy=cat/1"]),
            ("POST", "/test/5", "ANY /{proxy+}", &["proxy=test/5"]),
            ("GET", "/", "GET /", &[]),
            ("POST", "/", "$default", &[]),
            // An explicit verb missing at the static path falls back to the variable one.
            (
                "POST",
                "/pets/dog/1",
                "POST /pets/{kind}/{id}",
                &["kind=dog", "id=1"],
            ),
            // A full match on ANY beats a greedy match with the right verb.
            ("GET", "/pets/cat", "ANY /pets/cat", &[]),
            ("PUT", "/pets/cat", "ANY /pets/cat", &[]),
            ("PUT", "/pets/cow", "PUT /pets/{kind}", &["kind=cow"]),
            ("GET", "/pets/cow", "GET /pets/{proxy+}", &["proxy=cow"]),
            (
                "DELETE",
                "/pets/cow/9/x",
                "ANY /{proxy+}",
                &["proxy=pets/cow/9/x"],
            ),
            (
                "GET",
                "/a/1/c/2/3",
                "GET /a/{x}/c/{rest+}",
                &["x=1", "rest=2/3"],
            ),
            ("GET", "/a/1/c", "ANY /{proxy+}", &["proxy=a/1/c"]),
            // A greedy variable takes at least one character.
            ("GET", "/pets/", "ANY /{proxy+}", &["proxy=pets/"]),
            ("GET", "/pets/d%6fg/1", "GET /pets/dog/1", &[]),
        ];
        for (method, path, key, params) in cases {
            let params: Vec<String> = params.iter().map(|p| (*p).to_owned()).collect();
            assert_eq!(
                found(method, path),
                (key.to_owned(), params),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn paths_are_case_sensitive_and_an_encoded_slash_is_no_separator() {
        assert_eq!(found("GET", "/Pets/dog/1").0, "ANY /{proxy+}");
        assert_eq!(found("GET", "/pets/dog%2F1").0, "GET /pets/{proxy+}");
        assert_eq!(
            found("GET", "/pets/dog/a%2Fb"),
            (KEYS[1].into(), vec!["id=a%2Fb".into()])
        );
    }

    #[test]
    fn refuses_what_no_request_could_tell_apart() {
        let refused = |keys: &[&str]| Router::new(keys.iter().copied()).unwrap_err();
        assert!(matches!(
            refused(&["GET /{a}", "GET /{b}"]),
            RouteKeyError::Duplicate(_)
        ));
        assert!(matches!(
            refused(&["GET /{a+}/b"]),
            RouteKeyError::GreedyNotLast(_)
        ));
        assert!(matches!(refused(&["GET pets"]), RouteKeyError::Syntax(_)));
        assert!(matches!(
            refused(&["$default", "$default"]),
            RouteKeyError::Duplicate(_)
        ));
        assert!(Router::new(["GET /{a}", "POST /{b}", "GET /{a+}"]).is_ok());
    }

    #[test]
    fn no_route_is_no_match() {
        let router = Router::new(["GET /a"]).unwrap();
        assert_eq!(router.find("GET", "/b"), None);
        assert_eq!(router.find("get", "/a"), None);
        assert_eq!(router.find("GET", "/a/"), None);
        assert_eq!(Router::default().find("GET", "/"), None);
    }
}
