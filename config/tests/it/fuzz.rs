//! No text whatever breaks the readers of OpenAPI documents and API files; `tollgate_mutate` says how
//! long it is tried. What is imported is exported and imported again as it is.

use std::path::Path;

use tollgate_config::document::{LoadContext, load_str};
use tollgate_config::openapi::{BasePath, ExportOptions, export, import_api, to_json, to_yaml};
use tollgate_model::Model;
use tollgate_mutate::run;
use tollgate_protocol::ids::ApiId;

const WORDS: [&str; 24] = [
    "openapi",
    "paths",
    "x-amazon-apigateway-integration",
    "x-amazon-apigateway-any-method",
    "$ref",
    "#/components/x-amazon-apigateway-integrations/",
    "securitySchemes",
    "security",
    "type",
    "uri",
    "&a ",
    "*a",
    "<<: ",
    "- ",
    ": ",
    "\n",
    "  ",
    "|\n",
    ">-\n",
    "!!str ",
    "---\n",
    "{",
    "[",
    "${env.HOME}",
];

fn files(folder: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(dir)
        .expect("test data")
        .map(|it| it.expect("a file").path());
    let mut files: Vec<_> = files.filter(|it| it.is_file()).collect();
    files.sort();
    files
        .iter()
        .map(|it| std::fs::read(it).expect("a file"))
        .collect()
}

#[test]
fn openapi_documents() {
    let mut corpus = files("testdata/import");
    corpus.extend(files("testdata/openapi"));
    let corpus: Vec<&[u8]> = corpus.iter().map(Vec::as_slice).collect();
    let (context, id, onto) = (
        LoadContext::default(),
        ApiId::from("abc123"),
        Model::default(),
    );
    let options = ExportOptions {
        endpoint: "https://abc123.localhost",
        stage: None,
        version: "1",
        extensions: true,
    };
    let import = |text: &str| import_api(text, BasePath::Prepend, &context, &onto, &id);
    run("openapi", &corpus, &WORDS, |input| {
        let Ok(text) = std::str::from_utf8(input) else {
            return false;
        };
        let Ok(imported) = import(text) else {
            return false;
        };
        let api = imported.api;
        let document = export(&api, &api.definition, &options);
        for out in [to_json(&document), to_yaml(&document)] {
            let again = import(&out).unwrap_or_else(|found| panic!("{found:?}\n{out}"));
            // Names of operations and authorizers can be such that OpenAPI does not have them, and
            // what else is lost is lost once.
            let second = export(&again.api, &again.api.definition, &options);
            let third = import(&to_json(&second)).unwrap_or_else(|found| panic!("{found:?}"));
            assert_eq!(third.api, again.api, "{out}");
        }
        true
    });
}

#[test]
fn api_files() {
    let mut corpus = files("testdata/good");
    corpus.extend(files("testdata/bad"));
    let corpus: Vec<&[u8]> = corpus.iter().map(Vec::as_slice).collect();
    let context = LoadContext::default();
    run("api file", &corpus, &WORDS, |input| {
        let Ok(text) = std::str::from_utf8(input) else {
            return false;
        };
        load_str("a.yaml", text, Path::new("/nonexistent"), &context).is_ok()
    });
}
