//! Route selection among few and many routes.
//!
//! Beside it `matchit`, the fastest router of the field, over the same routes. It cannot be ours:
//! it refuses `/{id}` beside `/{proxy+}` and knows no methods.

use std::hint::black_box;

use tollgate_config::snapshot::Router;

use crate::measure::Operation;

/// Routes of one service: a literal path, one with a variable, one with two, a greedy one and
/// another method.
const ROUTES_OF_A_SERVICE: usize = 5;

struct Find<R> {
    router: R,
    paths: Vec<String>,
    next: usize,
    find: fn(&R, &str),
}

impl<R> Operation for Find<R> {
    fn run(&mut self) {
        (self.find)(&self.router, &self.paths[self.next % self.paths.len()]);
        self.next += 1;
    }
}

/// Selection by our router.
pub(super) fn ours(routes: usize) -> Box<dyn Operation> {
    let keys: Vec<String> = (0..routes)
        .map(|it| {
            let service = it / ROUTES_OF_A_SERVICE;
            match it % ROUTES_OF_A_SERVICE {
                0 => format!("GET /service{service}/items"),
                1 => format!("GET /service{service}/items/{{id}}"),
                2 => format!("GET /service{service}/items/{{id}}/parts/{{part}}"),
                3 => format!("ANY /service{service}/files/{{proxy+}}"),
                _ => format!("POST /service{service}/items"),
            }
        })
        .collect();
    let router = Router::new(keys.iter().map(String::as_str)).expect("the routes differ");
    Box::new(Find {
        router,
        paths: paths(routes),
        next: 0,
        find: |router, path| {
            let found = router.find(black_box("GET"), black_box(path));
            black_box(found).expect("every path has a route");
        },
    })
}

/// Selection by `matchit`.
pub(super) fn matchit(routes: usize) -> Box<dyn Operation> {
    let mut router = matchit::Router::new();
    for service in 0..routes / ROUTES_OF_A_SERVICE {
        for template in [
            format!("/service{service}/items"),
            format!("/service{service}/items/{{id}}"),
            format!("/service{service}/items/{{id}}/parts/{{part}}"),
            format!("/service{service}/files/{{*proxy}}"),
        ] {
            router.insert(template, service).expect("the routes differ");
        }
    }
    Box::new(Find {
        router,
        paths: paths(routes),
        next: 0,
        find: |router, path| {
            black_box(router.at(black_box(path))).expect("every path has a route");
        },
    })
}

/// Paths that all services and kinds of route take turns in, spread over the whole set.
fn paths(routes: usize) -> Vec<String> {
    let services = routes / ROUTES_OF_A_SERVICE;
    (0..100)
        .map(|it| {
            let service = it * 37 % services;
            match it % 4 {
                0 => format!("/service{service}/items"),
                1 => format!("/service{service}/items/4711"),
                2 => format!("/service{service}/items/4711/parts/7"),
                _ => format!("/service{service}/files/2026/report.pdf"),
            }
        })
        .collect()
}
