//! From a checked document to the model: names become ids, files become their content, defaults
//! are filled in, and every reference is looked up.

mod api;
mod integration;
mod keys;
mod parts;
mod platform;

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use tollgate_model::{Api, Model, StageRef, validate};
use tollgate_protocol::ids::{ApiId, StageName};

use super::LoadContext;
use super::report::Report;
use super::shape::{ApiFile, ApiItem, ApiKeys, StageTarget};
use super::tree::{Node, Path, Step};
use crate::diagnostic::nearest;

/// Bytes of a file that a `...File` member names.
const MEMBER_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Where something of the model stands in the sources.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    /// The tree, an index into [`Converter::roots`].
    pub root: usize,
    pub path: Path,
}

pub(crate) use integration::inline_id as inline_integration_id;

/// An API's title and content from an OpenAPI document that was read before.
pub(crate) type Imported = crate::openapi::Imported;

pub(crate) struct Converter<'c> {
    pub roots: Vec<Node>,
    pub report: &'c mut Report,
    pub context: &'c LoadContext,
    pub model: Model,
    /// Model path to origin, for [`validate`]'s findings.
    origins: BTreeMap<Vec<String>, Origin>,
    /// API names to ids.
    api_names: BTreeMap<String, ApiId>,
    /// Whether an API is converted without the stages that it will have.
    without_stages: bool,
}

impl<'c> Converter<'c> {
    pub(crate) fn new(root: Node, report: &'c mut Report, context: &'c LoadContext) -> Self {
        Self {
            roots: vec![root],
            report,
            context,
            model: Model::default(),
            origins: BTreeMap::new(),
            api_names: BTreeMap::new(),
            without_stages: false,
        }
    }

    /// Converts one API of an OpenAPI document, which refers to resources that are there.
    pub(crate) fn import_api(
        mut self,
        imported: Imported,
        onto: &Model,
        api_id: &ApiId,
    ) -> Option<Arc<Api>> {
        self.model.upstreams = onto.upstreams.clone();
        self.model.functions = onto.functions.clone();
        self.without_stages = true;
        let item = ApiItem {
            api_id: Some(api_id.to_string()),
            ..ApiItem::default()
        };
        self.api(item, Path::default(), Some(imported));
        self.rules();
        let mut api = self.model.apis.get(api_id).cloned()?;
        Arc::make_mut(&mut api).stages.clear();
        Some(api)
    }

    /// Converts everything. `imported` is the API of the document itself when that is OpenAPI.
    pub(crate) fn run(mut self, file: ApiFile, imported: Option<Imported>, base: &Path) -> Model {
        for (name, item) in file.functions {
            self.function(name, item, base);
        }
        for (name, item) in file.upstreams {
            self.upstream(name, item, base);
        }
        for (name, item) in file.certificates {
            self.certificate(name, item, base);
        }
        if let Some(imported) = imported {
            self.api(ApiItem::default(), Path::default(), Some(imported));
        }
        for (index, item) in file.apis.into_iter().enumerate() {
            self.api(item, base.key("apis").index(index), None);
        }
        for (id, item) in file.usage_plans {
            self.usage_plan(id, item, base);
        }
        match file.api_keys {
            ApiKeys::List(items) => {
                for (index, item) in items.into_iter().enumerate() {
                    self.api_key(item, None, base.key("apiKeys").index(index));
                }
            }
            ApiKeys::Map(items) => {
                for (name, item) in items {
                    let path = base.key("apiKeys").key(&name);
                    self.api_key(item, Some(name), path);
                }
            }
        }
        for (index, item) in file.domain_names.into_iter().enumerate() {
            self.domain_name(item, base.key("domainNames").index(index));
        }
        if let Some(target) = file.default_mapping {
            let path = base.key("defaultMapping");
            self.origin(&["defaultMapping"], 0, &path);
            self.model.default_mapping = self.target(&target, &path);
        }
        self.rules();
        self.model
    }

    /// The rules of the model, with their findings brought back to the sources.
    fn rules(&mut self) {
        for violation in validate(&self.model) {
            if self.report.is_full() {
                self.report.count_error();
                continue;
            }
            let (origin, rest) = self.find_origin(&violation.segments);
            let path = follow(&self.roots[origin.root], origin.path.clone(), rest);
            if !self.report.is_spoiled(&path) {
                let root = &self.roots[origin.root];
                let at_key = violation.at_key;
                self.report
                    .rule_broken(root, &path, at_key, violation.message);
            }
        }
    }

    pub(crate) fn find_origin<'v>(&self, segments: &'v [String]) -> (Origin, &'v [String]) {
        for end in (0..=segments.len()).rev() {
            if let Some(origin) = self.origins.get(&segments[..end]) {
                return (origin.clone(), &segments[end..]);
            }
        }
        (Origin::default(), segments)
    }

    /// Remembers where a part of the model stands.
    pub(crate) fn origin(&mut self, model_path: &[&str], root: usize, path: &Path) {
        let key = model_path.iter().map(|it| (*it).to_owned()).collect();
        self.origins.insert(
            key,
            Origin {
                root,
                path: path.clone(),
            },
        );
    }

    pub(crate) fn error(&mut self, root: usize, path: &Path, reason: impl Into<String>) {
        let root = &self.roots[root];
        self.report.error_at(root, path, reason);
    }

    /// An error about a name that nothing has, with the nearest one that something has.
    pub(crate) fn unknown<'n>(
        &mut self,
        at: (usize, &Path),
        what: &str,
        name: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) {
        let suggestion = nearest(name, names).map(str::to_owned);
        let root = &self.roots[at.0];
        let reason = format!("there is no {what} `{name}`");
        self.report.error_at(root, at.1, reason).nearest = suggestion;
    }

    /// The stage that a `{api, stage}` names.
    fn target(&mut self, target: &StageTarget, path: &Path) -> Option<StageRef> {
        let api_id = self.api_reference(target.api_id.as_ref(), target.api.as_ref(), path)?;
        let stage = self.stage_reference(&api_id, target.stage.as_ref(), path)?;
        Some(StageRef { api_id, stage })
    }

    /// The API that `apiId` or `api` names, by id or by name.
    pub(crate) fn api_reference(
        &mut self,
        api_id: Option<&String>,
        api: Option<&String>,
        path: &Path,
    ) -> Option<ApiId> {
        let (member, wanted) = match (api_id, api) {
            (Some(_), Some(_)) => {
                self.error(0, path, "`apiId` and `api` say the same; use one");
                return None;
            }
            (Some(id), None) => ("apiId", id.clone()),
            (None, Some(name)) => ("api", name.clone()),
            (None, None) => {
                // A document with one API need not name it.
                if let (1, Some(only)) = (self.model.apis.len(), self.model.apis.keys().next()) {
                    return Some(only.clone());
                }
                self.error(0, path, "the member `api` is missing");
                return None;
            }
        };
        if self.model.apis.contains_key(wanted.as_str()) {
            return Some(ApiId::from(wanted));
        }
        if let Some(id) = self.api_names.get(&wanted) {
            return Some(id.clone());
        }
        let ids = self.model.apis.keys().map(|id| id.as_str().to_owned());
        let names: Vec<String> = ids.chain(self.api_names.keys().cloned()).collect();
        let at = path.key(member);
        self.unknown((0, &at), "API", &wanted, names.iter().map(String::as_str));
        None
    }

    /// A stage of an API, `$default` when none is named.
    pub(crate) fn stage_reference(
        &mut self,
        api_id: &ApiId,
        stage: Option<&String>,
        path: &Path,
    ) -> Option<StageName> {
        let wanted = stage.map_or("$default", String::as_str);
        let api = self.model.apis.get(api_id).map(Arc::clone)?;
        if api.stages.contains_key(wanted) {
            return Some(StageName::from(wanted));
        }
        let at = if stage.is_some() {
            path.key("stage")
        } else {
            path.clone()
        };
        let names = api.stages.keys().map(StageName::as_str);
        let what = format!("stage of API `{api_id}` named");
        self.unknown((0, &at), &what, wanted, names);
        None
    }

    /// A path of the document as a path of the machine, relative to the file that names it.
    pub(crate) fn resolve(&self, root: usize, path: &Path, file: &str) -> PathBuf {
        let (_, place) = self.roots[root].locate(&path.0);
        let source = self.report.sources.get(place.file as usize);
        let base = source.map_or_else(PathBuf::new, |it| it.base.clone());
        clean(&base.join(file))
    }

    /// The text of `member` or of the file that `memberFile` names, not both.
    pub(crate) fn text_or_file(
        &mut self,
        path: &Path,
        (member, inline): (&str, Option<String>),
        file: Option<String>,
    ) -> Option<String> {
        let file_member = format!("{member}File");
        match (inline, file) {
            (Some(_), Some(_)) => {
                let reason = format!("`{member}` and `{file_member}` say the same; use one");
                self.error(0, &path.key(&file_member), reason);
                None
            }
            (inline, None) => inline,
            (None, Some(file)) => self.read_member(&path.key(&file_member), &file),
        }
    }

    fn read_member(&mut self, path: &Path, file: &str) -> Option<String> {
        let target = self.resolve(0, path, file);
        match read_bounded(&target, MEMBER_FILE_BYTES_MAX) {
            Ok(text) => {
                self.report.files.push(target);
                Some(text)
            }
            Err(reason) => {
                self.error(0, path, reason);
                None
            }
        }
    }
}

/// The path extended by the steps of the model that the document has too.
fn follow(root: &Node, mut path: Path, steps: &[String]) -> Path {
    for step in steps {
        let (node, _) = root.locate(&path.0);
        let index = step.parse::<usize>().ok();
        if let Some(index) = index.filter(|it| node.items().get(*it).is_some()) {
            path.0.push(Step::Index(index));
            continue;
        }
        // What OpenAPI documents, or files for people, call otherwise.
        let alias = match step.as_str() {
            "integrationUri" => "uri",
            "integrationType" => "type",
            "integrationMethod" => "httpMethod",
            "corsConfiguration" => "x-amazon-apigateway-cors",
            "authorizerId" => "authorizer",
            other => other,
        };
        let names = [step.as_str(), alias];
        let Some(name) = names.into_iter().find(|it| node.entry(it).is_some()) else {
            break;
        };
        path.0.push(Step::Key(name.to_owned()));
    }
    path
}

/// A text file of at most `bytes_max`, or why not.
pub(crate) fn read_bounded(path: &FilePath, bytes_max: u64) -> Result<String, String> {
    let shown = path.display();
    let length = std::fs::metadata(path)
        .map_err(|error| format!("cannot read {shown}: {error}"))?
        .len();
    if length > bytes_max {
        return Err(format!("{shown} is larger than {bytes_max} bytes"));
    }
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))
}

/// Takes `.` and `a/..` out, without asking the file system.
pub(crate) fn clean(path: &FilePath) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut out = PathBuf::new();
    for part in absolute.components() {
        match part {
            std::path::Component::ParentDir => {
                let _at_root = out.pop();
            }
            std::path::Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}
