//! Reading documents: one text, one file, or a directory of files taken together.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tollgate_model::{Api, Model};
use tollgate_protocol::ids::ApiId;

use super::convert::{Converter, clean, read_bounded};
use super::shape::ApiFile;
use super::tree::{Entry, Node, Path as TreePath, Place, Value};
use super::yaml::{FILE_BYTES_MAX, parse};
use super::{LoadContext, Loaded, Report, check, check_part, expand, schema};
use crate::diagnostic::Diagnostic;
use crate::openapi::{self, BasePath};

/// Files of a directory.
const FILES_MAX: usize = 1_000;

/// Loads an API file, an OpenAPI document, or a directory of API files (`*.yaml`, `*.yml`,
/// `*.json`, in the order of their names), whose lists are joined and whose maps are united.
///
/// # Errors
/// Everything that is wrong in the document, errors and warnings in the order of their finding.
pub fn load(path: &Path, context: &LoadContext) -> Result<Loaded, Vec<Diagnostic>> {
    let mut report = Report::new();
    let files = match files(path) {
        Ok(files) => files,
        Err(reason) => {
            report.error_in(&path.to_string_lossy(), reason);
            return Err(report.findings);
        }
    };
    let mut roots = Vec::new();
    for file in &files {
        match read_bounded(file, FILE_BYTES_MAX as u64) {
            Ok(text) => {
                let base = file.parent().map_or_else(PathBuf::new, Path::to_path_buf);
                let name = file.to_string_lossy().into_owned();
                roots.extend(read(&mut report, name, text, base, context));
            }
            Err(reason) => report.error_in(&file.to_string_lossy(), reason),
        }
    }
    finish(report, roots, context, files)
}

/// Loads a document from a text. `name` stands for it in findings, `base_dir` is where its
/// relative paths start.
///
/// # Errors
/// Everything that is wrong in the document.
pub fn load_str(
    name: &str,
    text: &str,
    base_dir: &Path,
    context: &LoadContext,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut report = Report::new();
    let root = read(
        &mut report,
        name.to_owned(),
        text.to_owned(),
        base_dir.to_path_buf(),
        context,
    );
    finish(report, root.into_iter().collect(), context, Vec::new())
}

/// Loads an OpenAPI document from a text.
pub(crate) fn load_openapi(
    name: &str,
    text: &str,
    base_path: BasePath,
    context: &LoadContext,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut report = Report::new();
    let (name, text) = (name.to_owned(), text.to_owned());
    let root = read(&mut report, name, text, PathBuf::new(), context);
    let model = root.map(|root| from_openapi(root, base_path, &mut report, context));
    conclude(report, model, Vec::new())
}

/// Reads a document that came from elsewhere as one API, without stages: neither the environment nor
/// files of this machine are looked at. What it may refer to is in `onto`. With it come warnings.
pub(crate) fn read_api(
    text: &str,
    base_path: BasePath,
    context: &LoadContext,
    onto: &Model,
    api_id: &ApiId,
) -> Result<(Api, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut report = Report::new();
    let file = report.add_source("body".into(), text.to_owned(), PathBuf::new());
    let Some(mut root) = parse(&mut report, file, text) else {
        return Err(report.into_findings());
    };
    report.learn_secrets(file, &root);
    let imported = openapi::read(&mut root, base_path, &mut report, context);
    let own = TreePath::default().key("x-tollgate");
    if root.entry("x-tollgate").is_some() {
        let reason = "`x-tollgate` has no effect in an import; apply the document as an API file";
        report.warning_at(&root, &own, reason);
    }
    for (route, path) in &imported.routes {
        if route.settings.is_some() {
            let path = path.key("x-tollgate-route-settings");
            let reason = "settings of routes belong to stages, which an import does not make";
            report.warning_at(&root, &path, reason);
        }
    }
    let api = Converter::new(root, &mut report, context).import_api(imported, onto, api_id);
    let failed = report.has_errors();
    let findings = report.into_findings();
    match api {
        Some(api) if !failed => Ok((Api::clone(&api), findings)),
        _ => Err(findings),
    }
}

fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let entries = std::fs::read_dir(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mut out = Vec::new();
    for entry in entries {
        let file = entry
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?
            .path();
        let extension = file.extension().and_then(|it| it.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) && file.is_file() {
            out.push(file);
        }
    }
    if out.is_empty() {
        return Err(format!(
            "the directory {} holds no *.yaml, *.yml or *.json file",
            path.display()
        ));
    }
    if out.len() > FILES_MAX {
        return Err(format!(
            "the directory {} holds more than {FILES_MAX} files",
            path.display()
        ));
    }
    out.sort();
    Ok(out)
}

/// One text as a tree with its environment variables filled in.
fn read(
    report: &mut Report,
    name: String,
    text: String,
    base: PathBuf,
    context: &LoadContext,
) -> Option<Node> {
    let file = report.add_source(name, text.clone(), clean(&base));
    let mut root = parse(report, file, &text)?;
    report.learn_secrets(file, &root);
    expand(&mut root, &TreePath::default(), report, context);
    Some(root)
}

fn finish(
    mut report: Report,
    roots: Vec<Node>,
    context: &LoadContext,
    files: Vec<PathBuf>,
) -> Result<Loaded, Vec<Diagnostic>> {
    let openapi = roots.len() == 1 && roots.iter().any(|it| it.entry("openapi").is_some());
    let model = if openapi {
        roots
            .into_iter()
            .next()
            .map(|root| from_openapi(root, BasePath::Ignore, &mut report, context))
    } else {
        unite(roots, &mut report).map(|root| from_file(root, &mut report, context))
    };
    conclude(report, model, files)
}

fn conclude(
    report: Report,
    model: Option<Model>,
    files: Vec<PathBuf>,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut sources = files;
    sources.extend(report.files.iter().cloned());
    let failed = report.has_errors();
    let findings = report.into_findings();
    match model {
        Some(model) if !failed => Ok(Loaded {
            model,
            warnings: findings,
            sources,
        }),
        _ => Err(findings),
    }
}

fn from_file(root: Node, report: &mut Report, context: &LoadContext) -> Model {
    let json = check(schema::compiled(), &root, report);
    let file = deserialize(json, &root, report);
    Converter::new(root, report, context).run(file, None, &TreePath::default())
}

fn from_openapi(
    mut root: Node,
    base_path: BasePath,
    report: &mut Report,
    context: &LoadContext,
) -> Model {
    let imported = openapi::read(&mut root, base_path, report, context);
    let base = TreePath::default().key("x-tollgate");
    let file = match root.entry("x-tollgate") {
        Some(it) => {
            let json = check_part(schema::compiled(), &it.node, it.key_place, &base, report);
            deserialize(json, &it.node, report)
        }
        None => ApiFile::default(),
    };
    Converter::new(root, report, context).run(file, Some(imported), &base)
}

fn deserialize(json: Json, root: &Node, report: &mut Report) -> ApiFile {
    match serde_json::from_value(json) {
        Ok(file) => file,
        Err(error) => {
            // The schema is generated from these types, so this is a gap between the two.
            let reason = format!("the document cannot be read: {error}");
            report.error(root.place, &TreePath::default(), reason);
            ApiFile::default()
        }
    }
}

/// Several documents as one: lists are joined, maps united, and nothing may be said twice.
fn unite(roots: Vec<Node>, report: &mut Report) -> Option<Node> {
    let mut roots = roots.into_iter();
    let mut whole = roots.next()?;
    for root in roots {
        let Value::Mapping(entries) = root.value else {
            if root.value != Value::Null {
                report.error(root.place, &TreePath::default(), "expected a mapping");
            }
            continue;
        };
        if whole.value == Value::Null {
            whole.value = Value::Mapping(Vec::new());
        }
        for entry in entries {
            add(&mut whole, entry, report);
        }
    }
    Some(whole)
}

fn add(whole: &mut Node, entry: Entry, report: &mut Report) {
    let Value::Mapping(members) = &mut whole.value else {
        return;
    };
    let path = TreePath::default().key(&entry.key);
    let Some(existing) = members.iter_mut().find(|it| it.key == entry.key) else {
        members.push(entry);
        return;
    };
    let conflict = |report: &mut Report, place: Place, path: &TreePath| {
        report.error(place, path, "another file says this already");
    };
    match (&mut existing.node.value, entry.node.value) {
        (Value::Sequence(all), Value::Sequence(more)) => all.extend(more),
        (Value::Mapping(all), Value::Mapping(more)) if entry.key != "defaultMapping" => {
            for member in more {
                if all.iter().any(|it| it.key == member.key) {
                    conflict(report, member.key_place, &path.key(&member.key));
                } else {
                    all.push(member);
                }
            }
        }
        (_, Value::Null) => {}
        (old @ Value::Null, new) => *old = new,
        (old, new) if *old == new => {}
        _ => conflict(report, entry.key_place, &path),
    }
}
