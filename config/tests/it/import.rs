//! OpenAPI documents of the management API: in, out, and in again.

use std::path::{Path, PathBuf};

use tollgate_config::diagnostic::Diagnostic;
use tollgate_config::document::LoadContext;
use tollgate_config::openapi::{
    BasePath, ExportOptions, ImportedApi, export, import_api, to_json, to_yaml,
};
use tollgate_model::{Api, Model, Server, Upstream};
use tollgate_protocol::ids::ApiId;

use crate::golden;

const OPTIONS: ExportOptions<'static> = ExportOptions {
    endpoint: "https://abc123.execute-api.us-east-1.localhost",
    stage: None,
    version: "2026-11-23T00:00:00Z",
    extensions: true,
};

/// Documents that can be imported are at least so many.
const DOCUMENTS_MIN: usize = 20;

fn documents(folder: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(dir)
        .expect("test data")
        .map(|it| it.expect("a file").path());
    let mut found: Vec<PathBuf> = files
        .filter(|it| it.extension().is_some_and(|it| it != "out"))
        .filter(|it| it.is_file())
        .collect();
    found.sort();
    found
}

/// A model with the upstream group that a document refers to.
fn onto() -> Model {
    let mut model = Model::default();
    let server = Server {
        url: "http://10.0.0.1:8080".into(),
        ..Server::default()
    };
    let group = Upstream {
        name: "orders".into(),
        servers: vec![server],
        ..Upstream::default()
    };
    model.upstreams.insert("orders".into(), group.into());
    model
}

fn import(text: &str, base_path: BasePath) -> Result<ImportedApi, Vec<Diagnostic>> {
    let id = ApiId::from("abc123");
    import_api(text, base_path, &LoadContext::default(), &onto(), &id)
}

fn json(api: &Api) -> String {
    to_json(&export(api, &api.definition, &OPTIONS))
}

fn yaml(api: &Api) -> String {
    to_yaml(&export(api, &api.definition, &OPTIONS))
}

fn lines(kind: &str, found: &[Diagnostic]) -> String {
    let line = |it: &Diagnostic| {
        let Diagnostic {
            line,
            column,
            key_path,
            reason,
            ..
        } = it;
        format!("{kind} {line}:{column} {key_path}: {reason}\n")
    };
    found.iter().map(line).collect()
}

#[test]
fn what_is_imported_is_exported_and_imported_again_as_it_is() {
    let all = documents("testdata/import");
    assert!(all.len() >= DOCUMENTS_MIN, "{} documents", all.len());
    for file in all {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let first = import(&text, BasePath::Ignore)
            .unwrap_or_else(|found| panic!("{name}: {}", lines("error", &found)));
        let (out_json, out_yaml) = (json(&first.api), yaml(&first.api));
        for out in [&out_json, &out_yaml] {
            let again = import(out, BasePath::Ignore)
                .unwrap_or_else(|found| panic!("{name}: {}\n{out}", lines("error", &found)));
            assert_eq!(again.api, first.api, "{name}\n{out}");
            assert_eq!(json(&again.api), out_json, "{name}");
            assert_eq!(yaml(&again.api), out_yaml, "{name}");
        }
        let told = lines("# info", &first.information) + &lines("# warning", &first.warnings);
        golden::check(&format!("testdata/import/{name}.out"), &(told + &out_yaml));
    }
}

#[test]
fn what_is_wrong_is_told_at_its_line() {
    for file in documents("testdata/import/bad") {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let Err(found) = import(&text, BasePath::Ignore) else {
            panic!("{name} is taken");
        };
        assert!(found.iter().any(Diagnostic::is_error), "{name}");
        let told: String = found
            .iter()
            .map(|it| {
                lines(
                    if it.is_error() { "error" } else { "warning" },
                    std::slice::from_ref(it),
                )
            })
            .collect();
        golden::check(&format!("testdata/import/bad/{name}.out"), &told);
    }
}

#[test]
fn the_path_of_the_server_stands_before_routes_as_asked() {
    for name in ["14-base-path-variable.yaml", "15-base-path-url.yaml"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("testdata/import")
            .join(name);
        let text = std::fs::read_to_string(file).unwrap();
        for (base_path, key) in [
            (BasePath::Ignore, "GET /pets"),
            (BasePath::Prepend, "GET /shop/v1/pets"),
            (BasePath::Split, "GET /v1/pets"),
        ] {
            let api = import(&text, base_path).unwrap().api;
            let keys: Vec<_> = api
                .definition
                .routes
                .values()
                .map(|it| &*it.route_key)
                .collect();
            assert_eq!(keys, [key], "{name} {base_path:?}");
        }
    }
}

#[test]
fn nothing_of_this_machine_is_read() {
    let text = r#"{"openapi": "3.0.1", "info": {"title": "${env.HOME}", "version": "1"}, "paths": {},
        "x-tollgate": {"certificates": {"own": {"certificateFile": "/etc/hostname"}}}}"#;
    let read = import(text, BasePath::Ignore).unwrap();
    assert_eq!(read.api.name, "${env.HOME}");
    assert_eq!(read.warnings.len(), 1, "{:?}", read.warnings);
    assert!(
        read.warnings[0].reason.contains("x-tollgate"),
        "{:?}",
        read.warnings
    );
}

#[test]
fn an_export_without_extensions_describes_the_api_to_its_clients() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/import/04-any-and-default.yaml");
    let api = import(&std::fs::read_to_string(file).unwrap(), BasePath::Ignore)
        .unwrap()
        .api;
    let options = ExportOptions {
        extensions: false,
        stage: Some("prod"),
        ..OPTIONS
    };
    let document = export(&api, &api.definition, &options);
    assert!(!document.to_string().contains("x-amazon"), "{document:#}");
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.keys().collect::<Vec<_>>(), ["/any"]);
    let methods: Vec<&String> = paths["/any"].as_object().unwrap().keys().collect();
    let all = [
        "get", "put", "post", "delete", "options", "head", "patch", "trace",
    ];
    assert_eq!(methods, all);
    let server = &document["servers"][0]["variables"]["basePath"]["default"];
    assert_eq!(server, "prod");
}
