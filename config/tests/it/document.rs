//! API files: what good ones become and what is said about bad ones.
//!
//! Every file of `testdata/bad` is loaded and its rendered findings compared with the file beside
//! it; every file of `testdata/good` with its model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use tollgate_config::cells::{BucketId, CellSource, SlotSource, TokenBucket, Unleased};
use tollgate_config::compile::{NodeFacts, compile};
use tollgate_config::diagnostic::{render, render_json};
use tollgate_config::document::{
    LoadContext, Loaded, Others, load, load_str, merge, reference, schema,
};
use tollgate_config::openapi::{BasePath, import};
use tollgate_model::{Model, Quota, Throttle, diff, validate};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::{PlanId, Revision};

use crate::golden;

const NOW: Millis = Millis(1_700_000_000_000);
const LATER: Millis = Millis(1_800_000_000_000);

fn context() -> LoadContext {
    let environment = [
        ("GREETING", "hello"),
        ("TIMEOUT", "250"),
        ("PARTNER_KEY", "partner-key-from-environment"),
    ];
    LoadContext {
        environment: environment
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<BTreeMap<_, _>>(),
        ..LoadContext::default()
    }
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|it| it.expect("the folder can be read").path())
        .filter(|it| {
            let extension = it.extension().and_then(|it| it.to_str());
            matches!(extension, Some("yaml" | "json")) && !it.to_string_lossy().contains(".model.")
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} holds no files");
    files
}

pub(crate) fn text(yaml: &str) -> Result<Loaded, String> {
    let base = Path::new("testdata/good");
    load_str("test.yaml", yaml, base, &context()).map_err(|it| render(&it))
}

pub(crate) fn error(yaml: &str) -> String {
    match text(yaml) {
        Ok(_) => panic!("this should not load:\n{yaml}"),
        Err(message) => message,
    }
}

/// The model as text, with the paths of this machine taken out.
fn shown(loaded: &Loaded) -> String {
    let here = std::env::current_dir().expect("tests have a directory");
    let model = serde_json::to_string_pretty(&loaded.model).expect("models are JSON");
    let warnings = render(&loaded.warnings);
    format!("{model}\n{warnings}").replace(&*here.to_string_lossy(), "/config")
}

#[test]
fn bad_files_say_everything_that_is_wrong() {
    for folder in ["testdata/bad", "testdata/openapi/bad"] {
        for file in files(folder) {
            let Err(findings) = load(&file, &context()) else {
                panic!("{} should not load", file.display());
            };
            let here = std::env::current_dir().unwrap();
            let message = render(&findings).replace(&*here.to_string_lossy(), "/config");
            assert!(!message.contains("hidden"), "a secret is shown:\n{message}");
            let json = render_json(&findings);
            assert!(!json.contains("hidden"), "a secret is shown:\n{json}");
            golden::check(&format!("{}.stderr", file.display()), &message);
        }
    }
}

#[test]
fn good_files_become_valid_models() {
    for folder in ["testdata/good", "testdata/openapi"] {
        for file in files(folder) {
            let loaded = load(&file, &context()).unwrap_or_else(|it| panic!("{}", render(&it)));
            assert_eq!(validate(&loaded.model), []);
            let whole = merge(&Model::default(), loaded.model.clone(), NOW, Others::Keep);
            assert_eq!(validate(&whole), [], "{}", file.display());
            compiles(whole, &file);
            golden::check(&format!("{}.model.txt", file.display()), &shown(&loaded));
        }
    }
}

/// Cells that nobody counts with.
#[derive(Debug)]
struct Cells;

impl CellSource for Cells {
    fn find(&mut self, _: &BucketId) -> Option<Arc<TokenBucket>> {
        None
    }

    fn bucket(&mut self, _: BucketId, throttle: Throttle) -> Arc<TokenBucket> {
        Arc::new(TokenBucket::new(throttle))
    }

    fn quota(&mut self, plan: &PlanId, quota: Quota) -> Arc<dyn SlotSource> {
        let plan = plan.clone();
        Arc::new(Unleased { plan, quota })
    }
}

/// What keeps the rules can be served.
fn compiles(model: Model, file: &Path) {
    let facts = NodeFacts {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
        cache_ttl_seconds_max: 3_600,
    };
    let snapshot = compile(&Arc::new(model), Revision(1), &facts, None, &mut Cells);
    if let Err(errors) = snapshot {
        panic!("{}: {errors:?}", file.display());
    }
}

#[test]
fn a_directory_is_one_document() {
    let loaded = load(Path::new("testdata/directory"), &context());
    let loaded = loaded.unwrap_or_else(|it| panic!("{}", render(&it)));
    assert_eq!(loaded.model.apis.len(), 2);
    assert_eq!(loaded.model.functions.len(), 1);
    assert_eq!(loaded.sources.len(), 3);
    let conflict = load(Path::new("testdata/conflict"), &context()).unwrap_err();
    golden::check("testdata/conflict/findings.stderr", &render(&conflict));
}

#[test]
fn loading_and_merging_twice_changes_nothing() {
    let file = Path::new("testdata/good/everything.yaml");
    let first = load(file, &context()).unwrap();
    let second = load(file, &context()).unwrap();
    assert_eq!(first.model, second.model);
    let model = merge(&Model::default(), first.model, NOW, Others::Keep);
    assert!(!diff(&Model::default(), &model).is_empty());
    let again = merge(&model, second.model.clone(), LATER, Others::Keep);
    assert_eq!(diff(&model, &again), []);
    let pruned = merge(&model, second.model, LATER, Others::Remove);
    assert_eq!(diff(&model, &pruned), []);
}

const SHOP: &str = "
apis:
  - name: Shop
    routes:
      - {routeKey: GET /a, integration: 'http://127.0.0.1:9000'}
";

fn shop(model: &Model) -> &tollgate_model::Api {
    &model.apis["shop"]
}

#[test]
fn a_change_makes_a_deployment_and_keeps_the_dates() {
    let mut model = merge(
        &Model::default(),
        text(SHOP).unwrap().model,
        NOW,
        Others::Keep,
    );
    let first = shop(&model).stages["$default"].clone();
    assert!(shop(&model).deployed(&first).is_some());
    for n in 0..30 {
        let yaml = SHOP.replace("9000", &format!("9{n:03}"));
        let now = Millis(LATER.0 + n);
        model = merge(&model, text(&yaml).unwrap().model, now, Others::Keep);
    }
    let api = shop(&model);
    let last = &api.stages["$default"];
    assert_eq!(api.created_date, NOW);
    assert_eq!(last.created_date, NOW);
    assert_eq!(last.last_updated_date, Millis(LATER.0 + 29));
    assert_ne!(last.deployment_id, first.deployment_id);
    assert_eq!(api.deployed(last), Some(&api.definition));
    // Ten old ones, and the one that is served.
    assert_eq!(api.deployments.len(), 11);
    // Back to the beginning: the first deployment is long gone and is made again.
    let model = merge(&model, text(SHOP).unwrap().model, LATER, Others::Keep);
    assert_eq!(
        shop(&model).stages["$default"].deployment_id,
        first.deployment_id
    );
}

#[test]
fn a_stage_without_auto_deploy_keeps_what_it_serves() {
    let stages = "    stages: [{stageName: prod, autoDeploy: AUTO}]\n";
    let auto = format!("{SHOP}{}", stages.replace("AUTO", "true"));
    let manual = format!("{SHOP}{}", stages.replace("AUTO", "false")).replace("9000", "9001");
    let model = merge(
        &Model::default(),
        text(&auto).unwrap().model,
        NOW,
        Others::Keep,
    );
    let served = shop(&model).stages["prod"].deployment_id.clone();
    assert!(served.is_some());
    let model = merge(&model, text(&manual).unwrap().model, LATER, Others::Keep);
    assert_eq!(shop(&model).stages["prod"].deployment_id, served);
    assert_ne!(
        shop(&model).deployed(&shop(&model).stages["prod"]),
        Some(&shop(&model).definition)
    );
}

#[test]
fn others_stay_unless_they_are_pruned() {
    let other = SHOP.replace("Shop", "Other");
    let existing = merge(
        &Model::default(),
        text(&other).unwrap().model,
        NOW,
        Others::Keep,
    );
    let loaded = text(SHOP).unwrap().model;
    let kept = merge(&existing, loaded.clone(), LATER, Others::Keep);
    assert_eq!(kept.apis.len(), 2);
    assert_eq!(kept.apis["other"], existing.apis["other"]);
    let pruned = merge(&existing, loaded, LATER, Others::Remove);
    assert_eq!(pruned.apis.len(), 1);
}

#[test]
fn a_new_secret_replaces_the_old_one() {
    let yaml = "apiKeys: [{name: alice, value: SECRET-0123456789-0123456789}]";
    let old = merge(
        &Model::default(),
        text(yaml).unwrap().model,
        NOW,
        Others::Keep,
    );
    let fresh = yaml.replace("SECRET", "fresh");
    let new = merge(&old, text(&fresh).unwrap().model, LATER, Others::Keep);
    assert_eq!(new.api_keys.len(), 1);
    let key = new.api_keys.values().next().unwrap();
    assert!(key.value.starts_with("fresh"));
    assert_eq!(key.created_date, LATER);
}

#[test]
fn ids_follow_from_content() {
    let a = text(SHOP).unwrap().model;
    let definition = &shop(&a).definition;
    let route = definition.routes.values().next().unwrap();
    assert_eq!(route.route_id.as_str().len(), 7);
    assert_eq!(route.integration_id().unwrap().len(), 7);
    // Two routes with the same inline integration share it.
    let twice =
        SHOP.to_owned() + "      - {routeKey: GET /b, integration: 'http://127.0.0.1:9000'}\n";
    let b = text(&twice).unwrap().model;
    assert_eq!(shop(&b).definition.integrations.len(), 1);
    assert!(shop(&b).definition.routes.contains_key(&route.route_id));
}

#[test]
fn json_is_read_as_well_with_tabs_and_surrogates() {
    let json = "{\n\t\"apis\": [{\"name\": \"Shop \\ud83d\\ude00\", \"apiId\": \"shop\",\n\t\t\"routes\": \
                [{\"routeKey\": \"GET \\/a\", \"integration\": \"http://127.0.0.1:1/x\"}]}]\n}";
    let loaded = text(json).unwrap_or_else(|it| panic!("{it}"));
    assert_eq!(shop(&loaded.model).name, "Shop \u{1f600}");
}

#[test]
fn a_byte_order_mark_and_windows_lines_are_no_text() {
    let yaml = format!("\u{feff}{}", SHOP.trim_start().replace('\n', "\r\n"));
    assert_eq!(text(&yaml).unwrap().model, text(SHOP).unwrap().model);
}

#[test]
fn too_many_errors_are_counted() {
    let routes = "      - {routeKey: bad, integration: none}\n".repeat(500);
    let message = error(&format!("{SHOP}{routes}"));
    assert!(message.contains("more errors are not shown"), "{message}");
}

#[test]
fn files_that_are_read_are_known() {
    let loaded = load(Path::new("testdata/good/everything.yaml"), &context()).unwrap();
    let names: Vec<_> = loaded
        .sources
        .iter()
        .filter_map(|it| it.file_name()?.to_str())
        .collect();
    for name in ["everything.yaml", "bob.key", "cert.pem", "key.pem"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

#[test]
fn a_syntax_error_shows_no_key() {
    let message = error("apiKeys:\n  - value: hidden-hidden-hidden-hidden: {\n");
    assert!(!message.contains("hidden-hidden"), "{message}");
}

#[test]
fn the_published_schema_and_reference_are_those_in_the_code() {
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    golden::check("schema/api-file.schema.json", &text);
    const START: &str = "<!-- reference -->\n";
    let path = "../docs/api-file.md";
    let page = std::fs::read_to_string(path).unwrap();
    let (head, _) = page.split_once(START).expect("the page has a reference");
    golden::check(path, &format!("{head}{START}\n{}", reference()));
}

#[test]
fn the_example_of_the_guide_works() {
    let page = std::fs::read_to_string("../docs/api-file.md").unwrap();
    let mut examples = 0;
    for block in page.split("```yaml\n").skip(1) {
        let (yaml, _) = block.split_once("```").unwrap();
        text(yaml).unwrap_or_else(|it| panic!("{yaml}\n{it}"));
        examples += 1;
    }
    assert!(examples > 0);
}

/// Text that looks like an API file more often than noise would.
fn yaml() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "apis",
        "functions",
        "name",
        "routes",
        "routeKey",
        "integration",
        "GET /a",
        "$default",
        "stages",
        "usagePlans",
        "apiKeys",
        "value",
        "quota",
        "- ",
        ": ",
        "\n",
        "\n  ",
        "[",
        "]",
        "{",
        "}",
        "&a",
        "*a",
        "<<",
        "|",
        ">",
        "'",
        "\"",
        "#",
        "~",
        "-1",
        "1e999",
        "0x7f",
        ".",
        "!x",
        "openapi: 3.0.1",
        "paths",
        "/x",
        "get",
        "x-tollgate",
        "${env.X}",
        "\t",
        "é",
        "\u{2028}",
        "---",
        "servers",
        "url",
        "http://a/{b}",
        "null",
        "true",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_loader_panic(text in yaml()) {
        match load_str("fuzz.yaml", &text, Path::new("testdata"), &context()) {
            Ok(loaded) => {
                let model = merge(&Model::default(), loaded.model, NOW, Others::Keep);
                prop_assert_eq!(validate(&model), []);
            }
            Err(findings) => {
                prop_assert!(!findings.is_empty());
                prop_assert!(render(&findings).contains("TG0007"));
                prop_assert!(render_json(&findings).starts_with('['));
            }
        }
    }

    #[test]
    fn no_bytes_make_the_loader_panic(text in "\\PC{0,200}") {
        if let Err(findings) = load_str("fuzz.yaml", &text, Path::new("testdata"), &context()) {
            prop_assert!(render(&findings).contains("TG0007"));
        }
    }
}

#[test]
fn many_keys_load_and_as_many_errors_end() {
    const KEYS: usize = 5_000;
    let mut yaml = String::from(
        "apis: [{name: Shop}]\nusagePlans: {gold: {apiStages: [{api: Shop}]}}\napiKeys:\n",
    );
    for n in 0..KEYS {
        yaml.push_str(&format!(
            "  key{n}: {{value: key-{n:020}, usagePlans: [gold]}}\n"
        ));
    }
    let loaded = text(&yaml).unwrap();
    assert_eq!(loaded.model.api_keys.len(), KEYS);
    let model = merge(&Model::default(), loaded.model.clone(), NOW, Others::Keep);
    assert_eq!(merge(&model, loaded.model, LATER, Others::Keep), model);
    let message = error(&yaml.replace("gold]}\n", "glod]}\n"));
    assert!(
        message.contains("4800 more errors are not shown"),
        "{message}"
    );
}

#[test]
fn the_path_of_the_server_is_ignored_prepended_or_split() {
    let yaml = "openapi: 3.0.0
info: {title: Shop}
servers: [{url: 'https://{host}/{basePath}', variables: {basePath: {default: a/b/c}}}]
paths:
  /x: {get: {x-amazon-apigateway-integration: {type: http_proxy, uri: 'http://127.0.0.1:1'}}}
";
    for (base_path, wanted) in [
        (BasePath::Ignore, "GET /x"),
        (BasePath::Prepend, "GET /a/b/c/x"),
        (BasePath::Split, "GET /b/c/x"),
    ] {
        let loaded = import("shop.yaml", yaml, base_path, &context());
        let loaded = loaded.unwrap_or_else(|it| panic!("{}", render(&it)));
        let routes = &shop(&loaded.model).definition.routes;
        let keys: Vec<_> = routes.values().map(|it| it.route_key.as_str()).collect();
        assert_eq!(keys, [wanted]);
    }
}
