//! Documents say what is there: codes have pages, and files that are named exist.

use std::collections::BTreeSet;
use std::path::Path;

use tollgate_harness::workspace_root;

use crate::assert_tidy;
use crate::tree::{Tracked, paths, texts};

const PAGES: &str = "docs/errors/";

/// Every operator code (`TG` and four digits) in a text.
fn codes(text: &str) -> BTreeSet<String> {
    text.match_indices("TG")
        .filter_map(|(at, _)| {
            let code = text.get(at..at + 6)?;
            let longer = text[at + 6..].starts_with(|c: char| c.is_ascii_alphanumeric());
            let inside = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            let digits = code[2..].bytes().all(|byte| byte.is_ascii_digit());
            (digits && !longer && !inside).then(|| code.to_owned())
        })
        .collect()
}

fn code_findings(used: &BTreeSet<String>, pages: &BTreeSet<String>) -> Vec<String> {
    let unexplained = used.difference(pages).map(|code| {
        format!(
            "{code} has no page; write {PAGES}{code}.md: what happened, why usually, what to do"
        )
    });
    let unused = pages.difference(used).map(|code| {
        format!("{PAGES}{code}.md explains a code that no source uses; delete it or use it")
    });
    unexplained.chain(unused).collect()
}

/// What a document calls a file of this repository: a word in backticks that begins with one of
/// its top-level names, and the targets of its relative links.
fn named_files(file: &Tracked, top: &BTreeSet<String>) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    let mut in_block = false;
    for (at, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        }
        if in_block {
            continue;
        }
        for word in line.split('`').skip(1).step_by(2) {
            let path = word.split([':', '#']).next().unwrap_or_default();
            let first = path.split('/').next().unwrap_or_default();
            let plain = path
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            let is_file = path.contains('/') || path.contains('.');
            if plain && is_file && top.contains(first) {
                named.push((at + 1, path.to_owned()));
            }
        }
        for link in line.split("](").skip(1) {
            let target = link.split([')', '#', ' ']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains(':') {
                let folder = Path::new(&file.path)
                    .parent()
                    .unwrap_or_else(|| Path::new(""));
                named.push((at + 1, folder.join(target).to_string_lossy().into_owned()));
            }
        }
    }
    named
}

#[test]
fn codes_and_pages_match() {
    let is_source = |file: &&Tracked| file.extension() == "rs" && !file.path.starts_with("tests/");
    let used: BTreeSet<String> = texts()
        .iter()
        .filter(is_source)
        .flat_map(|file| codes(&file.text))
        .collect();
    let pages: BTreeSet<String> = paths()
        .iter()
        .filter_map(|path| {
            path.strip_prefix(PAGES)?
                .strip_suffix(".md")
                .map(str::to_owned)
        })
        .collect();
    assert_tidy(&code_findings(&used, &pages));
}

#[test]
fn named_files_exist() {
    let top: BTreeSet<String> = paths()
        .iter()
        .filter_map(|path| path.split('/').next().map(str::to_owned))
        .collect();
    let findings: Vec<String> = texts()
        .iter()
        .filter(|file| file.extension() == "md")
        .flat_map(|file| {
            named_files(file, &top)
                .into_iter()
                .map(move |named| (file, named))
        })
        .filter(|(_, (_, path))| !workspace_root().join(path).exists())
        .map(|(file, (line, path))| {
            format!(
                "{}:{line}: {path} is not there; name what is, or write it",
                file.path
            )
        })
        .collect();
    assert_tidy(&findings);
}

#[test]
fn planted_violations_are_found() {
    let set = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
    assert_eq!(
        codes("TG0001, xTG0002, TG00033, TG12, \"TG0004\""),
        set(&["TG0001", "TG0004"])
    );
    assert_eq!(
        code_findings(&set(&["TG0001", "TG0002"]), &set(&["TG0002", "TG0003"])).len(),
        2
    );
    let text = "see `node/src/gone.rs:12`, `other/x` and [it](errors/TG0001.md#why)\n\
                ```\n`node/in-a-block.rs`\n```\n";
    let file = Tracked {
        path: "docs/x.md".to_owned(),
        text: text.to_owned(),
    };
    let named = named_files(&file, &set(&["node"]));
    let names: Vec<&str> = named.iter().map(|(_, path)| path.as_str()).collect();
    assert_eq!(names, ["node/src/gone.rs", "docs/errors/TG0001.md"]);
}
