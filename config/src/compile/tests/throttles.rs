//! When the rates of stages come into force.

use super::*;

fn limited(burst: u32) -> Stage {
    Stage {
        default_route_settings: RouteSettings {
            throttling_burst_limit: Some(burst),
            throttling_rate_limit: Some(Rate::ONE),
            ..RouteSettings::default()
        },
        ..stage("prod")
    }
}

fn bucket(snapshot: &Snapshot) -> Arc<TokenBucket> {
    let route = &snapshot.apis["shop"].stages["prod"].routes[0];
    Arc::clone(route.throttle.as_ref().unwrap())
}

#[test]
fn a_configuration_that_is_refused_sets_no_rate() {
    let mut cells = Cells::default();
    let mut next = |served: Option<&Snapshot>, burst, uri: &str| {
        let model = model([
            api("shop", &[("GET /", http("http://a"))], limited(burst)),
            api("other", &[("GET /", http(uri))], stage("prod")),
        ]);
        compile(&Arc::new(model), Revision(1), &facts(), served, &mut cells)
    };
    let served = next(None, 5, "http://b").unwrap();
    let unknown = "http://${stageVariables.host}";
    assert!(next(Some(&served), 1, unknown).is_err());
    assert_eq!(bucket(&served).limit().burst_limit, 5);
    let changed = next(Some(&served), 2, "http://b").unwrap();
    assert!(Arc::ptr_eq(&bucket(&served), &bucket(&changed)));
    assert_eq!(bucket(&changed).limit().burst_limit, 2);
}
