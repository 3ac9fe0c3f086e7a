//! Changes that rest on nothing that others touch are right in either order: small models, random
//! changes, and the rules of the whole model as the judge.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::{rests_on, touched};
use crate::{
    Api, ApiKey, ApiMapping, ApiStage, Certificate, Change, DomainName, Function, Integration,
    IntegrationType, Model, Stage, StageRef, Upstream, UsagePlan, Violation, diff, validate,
    validate_changes,
};

/// Models that are tried, and edits of each.
const MODELS: u64 = 400;
const EDITS: usize = 12;
/// Names of each kind: few, so that changes meet.
const NAMES: u64 = 2;

/// SplitMix64: the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn name(&mut self) -> &'static str {
        ["a", "b"][usize::try_from(self.below(NAMES)).unwrap()]
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

fn api(random: &mut Random) -> Api {
    let mut api = Api {
        api_id: random.name().into(),
        name: format!("{}", random.below(3) + 1),
        ..Api::default()
    };
    for stage in ["a", "b"] {
        if random.below(3) > 0 {
            let stage = Stage {
                stage_name: stage.into(),
                ..Stage::default()
            };
            api.stages.insert(stage.stage_name.clone(), Arc::new(stage));
        }
    }
    let integration = if random.coin() {
        Integration {
            integration_type: IntegrationType::AwsProxy,
            integration_uri: Some(format!("function:{}", random.name())),
            ..Integration::default()
        }
    } else {
        Integration {
            integration_type: IntegrationType::HttpProxy,
            integration_uri: Some("http://a/".to_string()),
            connection_id: Some(random.name().to_string()),
            ..Integration::default()
        }
    };
    if random.coin() {
        let integration = Integration {
            integration_id: "i".into(),
            ..integration
        };
        let definition = Arc::make_mut(&mut api.definition);
        definition.integrations.insert("i".into(), integration);
    }
    api
}

fn key(random: &mut Random) -> ApiKey {
    let plans = ["a", "b"].into_iter().filter(|_| random.coin());
    ApiKey {
        usage_plans: plans.map(Into::into).collect(),
        id: random.name().into(),
        value: format!("{}2345678901234567890", random.below(3)),
        ..ApiKey::default()
    }
}

fn plan(random: &mut Random) -> UsagePlan {
    let stages = ["a", "b"].into_iter().filter(|_| random.coin());
    let stages: Vec<&str> = stages.collect();
    let stages = stages.into_iter().map(|stage| ApiStage {
        api_id: random.name().into(),
        stage: stage.into(),
        ..ApiStage::default()
    });
    UsagePlan {
        api_stages: stages.collect(),
        id: random.name().into(),
        name: "plan".to_string(),
        ..UsagePlan::default()
    }
}

fn domain(random: &mut Random) -> DomainName {
    let mapping = ApiMapping {
        api_id: random.name().into(),
        stage: random.name().into(),
        ..ApiMapping::default()
    };
    let invoke_api = crate::InvokeApi {
        api_id: random.name().into(),
        stage: random.name().into(),
        ..crate::InvokeApi::default()
    };
    let rule = crate::RoutingRule {
        priority: 1,
        actions: vec![crate::RoutingAction { invoke_api }],
        ..crate::RoutingRule::default()
    };
    DomainName {
        domain_name: format!("{}.example.com", random.name()),
        certificate: random.coin().then(|| random.name().to_string()),
        api_mappings: if random.coin() { vec![mapping] } else { vec![] },
        routing_rules: if random.coin() { vec![rule] } else { vec![] },
        ..DomainName::default()
    }
}

fn change(random: &mut Random) -> Change {
    let upstream = |random: &mut Random| Upstream {
        name: random.name().to_string(),
        servers: vec![crate::Server {
            url: format!("http://10.0.0.1:{}", random.below(3) + 1),
            ..crate::Server::default()
        }],
        ..Upstream::default()
    };
    let function = |random: &mut Random| Function {
        name: random.name().to_string(),
        handler: format!("f{}.handler", random.below(3)),
        directory: "/code".to_string(),
        ..Function::default()
    };
    match random.below(16) {
        0..4 => Change::PutApi(Arc::new(api(random))),
        4 => Change::DeleteApi(random.name().into()),
        5 => Change::PutUpstream(Arc::new(upstream(random))),
        6 => Change::DeleteUpstream(random.name().to_string()),
        7 => Change::PutFunction(Arc::new(function(random))),
        8 => Change::DeleteFunction(random.name().to_string()),
        9 => Change::PutUsagePlan(Arc::new(plan(random))),
        10 => Change::DeleteUsagePlan(random.name().into()),
        11 => Change::PutApiKey(Arc::new(key(random))),
        12 => Change::DeleteApiKey(random.name().into()),
        13 => Change::PutDomainName(Arc::new(domain(random))),
        14 => Change::DeleteCertificate(random.name().to_string()),
        _ => Change::SetDefaultMapping(random.coin().then(|| StageRef {
            api_id: random.name().into(),
            stage: random.name().into(),
        })),
    }
}

/// Up to three changes at once, as an edit makes them.
fn edited(model: &Model, random: &mut Random) -> (Model, Vec<Change>) {
    let mut after = model.clone();
    for _ in 0..=random.below(3) {
        after.apply(change(random));
    }
    let changes = diff(model, &after);
    (after, changes)
}

/// A model that keeps the rules, full of references.
fn valid(random: &mut Random) -> Model {
    let mut model = Model::default();
    for name in ["a", "b"] {
        let certificate = Certificate {
            name: name.to_string(),
            certificate: "-----BEGIN CERTIFICATE-----".to_string(),
            private_key: "-----BEGIN PRIVATE KEY-----".to_string(),
        };
        let put = Change::PutCertificate(Arc::new(certificate));
        let mut with = model.clone();
        with.apply(put);
        if validate(&with).is_empty() {
            model = with;
        }
    }
    for _ in 0..24 {
        let (after, _) = edited(&model, random);
        if validate(&after).is_empty() {
            model = after;
        }
    }
    model
}

fn holder(model: &Model, value: &str) -> Option<tollgate_protocol::ids::KeyId> {
    let mut keys = model.api_keys.values();
    keys.find(|key| key.value == value).map(|it| it.id.clone())
}

#[test]
fn the_rules_of_changes_find_what_the_rules_of_everything_find() {
    let (mut right, mut wrong) = (0, 0);
    for seed in 0..MODELS {
        let random = &mut Random(seed);
        let model = valid(random);
        for _ in 0..EDITS {
            let (after, changes) = edited(&model, random);
            let all = validate(&after);
            let some = validate_changes(&model, &after, &changes, &|it| holder(&model, it));
            assert_eq!(
                some.is_empty(),
                all.is_empty(),
                "seed {seed}: {changes:?}\n{some:?}\n{all:?}"
            );
            // Of two keys with one secret, the one that changed is named.
            let same = |a: &[String], b: &[String]| a.first() == b.first() && a.last() == b.last();
            let found = |it: &Violation| all.iter().any(|all| same(&all.segments, &it.segments));
            assert!(some.iter().all(found), "seed {seed}: {some:?}\n{all:?}");
            right += usize::from(all.is_empty());
            wrong += usize::from(!all.is_empty());
        }
    }
    assert!(right > 500 && wrong > 500, "{right} right, {wrong} wrong");
}

#[test]
fn changes_that_touch_nothing_that_others_rest_on_may_come_in_between() {
    let (mut beside, mut apart) = (0, 0);
    for seed in 0..MODELS {
        let random = &mut Random(seed);
        let model = valid(random);
        let edits: Vec<_> = (0..EDITS).map(|_| edited(&model, random)).collect();
        let right: Vec<_> = edits
            .into_iter()
            .filter(|(after, changes)| !changes.is_empty() && validate(after).is_empty())
            .collect();
        for (first, made) in &right {
            for (_, planned) in &right {
                let rests = rests_on(&model, planned);
                let mut marks = Vec::new();
                let mut before = model.clone();
                for change in made {
                    touched(&before, change, &mut marks);
                    before.apply(change.clone());
                }
                let marks: BTreeSet<_> = marks.into_iter().collect();
                if !rests.is_disjoint(&marks) {
                    apart += 1;
                    continue;
                }
                let mut both = first.clone();
                planned.iter().for_each(|it| both.apply(it.clone()));
                let broken = validate(&both);
                assert!(
                    broken.is_empty(),
                    "seed {seed}: {made:?}\nthen {planned:?}\n{broken:?}"
                );
                beside += 1;
            }
        }
    }
    assert!(
        beside > 500 && apart > 500,
        "{beside} beside, {apart} apart"
    );
}
