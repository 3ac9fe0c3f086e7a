//! What becomes of API keys and usage plans.

use super::*;

#[test]
fn keys_find_the_plan_that_opens_a_stage() {
    let mut model = model([api("shop", &[("GET /", http("http://a"))], stage("prod"))]);
    let burst = |burst_limit| Throttle {
        burst_limit,
        rate_limit: Rate::ONE,
    };
    let plan = UsagePlan {
        id: "gold".into(),
        api_stages: vec![ApiStage {
            api_id: "shop".into(),
            stage: "prod".into(),
            throttle: [("/pets/GET".into(), burst(3))].into(),
        }],
        throttle: Some(burst(7)),
        quota: Some(Quota {
            limit: 9,
            ..Quota::default()
        }),
        ..UsagePlan::default()
    };
    let value = "0123456789012345678901";
    let key = ApiKey {
        id: "key1".into(),
        value: value.into(),
        usage_plans: vec!["gold".into()],
        ..ApiKey::default()
    };
    model.usage_plans.insert("gold".into(), Arc::new(plan));
    model.api_keys.insert("key1".into(), Arc::new(key));
    let snapshot = compiled(model);
    let entry = snapshot.keys.get(&digest(value)).unwrap();
    assert!(snapshot.keys.get(&digest("another")).is_none());
    assert!(entry.plan_for("shop", "test").is_none());
    let (plan, index) = entry.plan_for("shop", "prod").unwrap();
    assert_eq!(plan.throttle.as_ref().unwrap().limit().burst_limit, 7);
    assert_eq!(plan.quota(&entry.key_id).unwrap().quota().limit, 9);
    let route = &plan.terms.routes[0];
    assert_eq!((route.stage, &*route.route_key), (index, "GET /pets"));
    assert_eq!(plan.route_throttles[0].limit().burst_limit, 3);
}

#[test]
fn a_changed_key_replaces_its_entry_and_no_other() {
    let key = |id: &str, value: &str| {
        Arc::new(ApiKey {
            id: id.into(),
            value: value.into(),
            ..ApiKey::default()
        })
    };
    let mut model = Model::default();
    for n in 0..1_000 {
        let id = format!("key{n:04}");
        model
            .api_keys
            .insert(id.as_str().into(), key(&id, &format!("value {n}")));
    }
    let mut cells = Cells::default();
    let mut compiled = |model: &Model, previous: Option<&Snapshot>| {
        let model = Arc::new(model.clone());
        compile(&model, Revision(1), &facts(), previous, &mut cells).unwrap()
    };
    let first = compiled(&model, None);
    // Two exchange their values, one goes, one comes.
    model
        .api_keys
        .insert("key0001".into(), key("key0001", "value 2"));
    model
        .api_keys
        .insert("key0002".into(), key("key0002", "value 1"));
    model.api_keys.remove("key0003");
    model.api_keys.insert("new".into(), key("new", "value new"));
    let second = compiled(&model, Some(&first));
    let whole = compiled(&model, None);
    let found = |table: &Snapshot, value: &str| {
        let entry = table.keys.get(&digest(value));
        entry.map(|it| it.key_id.as_str().to_owned())
    };
    for value in (0..1_000)
        .map(|n| format!("value {n}"))
        .chain(["value new".into()])
    {
        assert_eq!(found(&second, &value), found(&whole, &value), "{value}");
    }
    assert_eq!(found(&second, "value 1").as_deref(), Some("key0002"));
    assert_eq!(found(&second, "value 3"), None);
    let unchanged = |table: &Snapshot| {
        let entry = table.keys.get(&digest("value 4"));
        Arc::clone(entry.unwrap())
    };
    assert!(Arc::ptr_eq(&unchanged(&first), &unchanged(&second)));
    let shared = first.keys.shards.iter().zip(&second.keys.shards);
    let shared = shared.filter(|(a, b)| Arc::ptr_eq(a, b)).count();
    assert!(shared >= 256 - 5, "{shared} shards are shared");
}

#[test]
fn a_quota_slot_is_made_when_its_key_is_used_and_outlives_a_change_of_the_plan() {
    let plan = |id: &str, limit| {
        Arc::new(UsagePlan {
            id: id.into(),
            quota: Some(Quota {
                limit,
                ..Quota::default()
            }),
            ..UsagePlan::default()
        })
    };
    let mut model = Model::default();
    for (id, plan) in [("used", "gold"), ("idle", "gold"), ("other", "free")] {
        let key = ApiKey {
            id: id.into(),
            value: format!("value of {id}"),
            usage_plans: vec![plan.into()],
            ..ApiKey::default()
        };
        model.api_keys.insert(id.into(), Arc::new(key));
    }
    model.usage_plans.insert("gold".into(), plan("gold", 9));
    model.usage_plans.insert("free".into(), plan("free", 9));
    let mut cells = Cells::default();
    let mut compiled = |model: &Model, previous: Option<&Snapshot>| {
        let model = Arc::new(model.clone());
        compile(&model, Revision(1), &facts(), previous, &mut cells).unwrap()
    };
    let entry = |snapshot: &Snapshot, id: &str| {
        let digest = digest(&format!("value of {id}"));
        Arc::clone(snapshot.keys.get(&digest).unwrap())
    };
    let first = compiled(&model, None);
    let used = entry(&first, "used");
    assert!(used.plans[0].slot.get().is_none(), "nobody used it");
    let slot = Arc::clone(used.plans[0].quota(&used.key_id).unwrap());
    model.usage_plans.insert("gold".into(), plan("gold", 5));
    let second = compiled(&model, Some(&first));
    let used = entry(&second, "used");
    assert!(Arc::ptr_eq(
        &slot,
        used.plans[0].quota(&used.key_id).unwrap()
    ));
    let idle = entry(&second, "idle");
    let limit = idle.plans[0].quota(&idle.key_id).unwrap().quota().limit;
    assert_eq!(limit, 5, "what came into force later");
    let other = |snapshot| Arc::as_ptr(&entry(snapshot, "other"));
    assert_eq!(other(&first), other(&second), "its plan did not change");
    // A key that changes keeps its slot, one whose plan goes has none.
    let renamed = ApiKey {
        name: "another name".into(),
        ..(*model.api_keys["used"]).clone()
    };
    model.api_keys.insert("used".into(), Arc::new(renamed));
    let third = compiled(&model, Some(&second));
    let used = entry(&third, "used");
    assert!(Arc::ptr_eq(
        &slot,
        used.plans[0].quota(&used.key_id).unwrap()
    ));
    model.usage_plans.remove("gold");
    let fourth = compiled(&model, Some(&third));
    assert!(entry(&fourth, "used").plans.is_empty());
}

#[test]
fn another_name_of_a_plan_makes_no_key_anew() {
    let mut model = Model::default();
    let plan = UsagePlan {
        id: "gold".into(),
        name: "Gold".into(),
        ..UsagePlan::default()
    };
    let value = "0123456789012345678901";
    let key = ApiKey {
        id: "key1".into(),
        value: value.into(),
        usage_plans: vec!["gold".into()],
        ..ApiKey::default()
    };
    model
        .usage_plans
        .insert("gold".into(), Arc::new(plan.clone()));
    model.api_keys.insert("key1".into(), Arc::new(key));
    let first = compiled(model.clone());
    let mut next = |plan: UsagePlan| -> Snapshot {
        model.usage_plans.insert("gold".into(), Arc::new(plan));
        compile(
            &Arc::new(model.clone()),
            Revision(2),
            &facts(),
            Some(&first),
            &mut Cells::default(),
        )
        .unwrap()
    };
    let kept = |snapshot: &Snapshot| {
        let entry = |snapshot: &Snapshot| Arc::clone(snapshot.keys.get(&digest(value)).unwrap());
        Arc::ptr_eq(&entry(&first), &entry(snapshot))
    };
    let renamed = UsagePlan {
        name: "Silver".into(),
        ..plan.clone()
    };
    assert!(kept(&next(renamed)));
    let stricter = UsagePlan {
        on_partition: tollgate_model::OnPartition::Deny,
        ..plan
    };
    assert!(!kept(&next(stricter)));
}
