//! What the documents tell to type is taken, and every command is told.

use clap::{CommandFactory as _, Parser as _};
use tollgate_protocol::codes;

use crate::cli::arguments::Arguments;

const GUIDE: &str = include_str!("../../../../docs/cli.md");

/// The words of each `tollgate` line in a code block, up to a comment, pipe or redirection.
fn examples(text: &str) -> Vec<Vec<String>> {
    let mut out = Vec::new();
    let mut in_block = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block && line.starts_with("tollgate ") {
            out.push(words(line));
        }
    }
    out
}

fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            '#' | '|' | '>' | '&' if !quoted => break,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_example_is_a_command_line() {
    let guide = examples(GUIDE);
    assert!(guide.len() > 25, "only {} examples", guide.len());
    let pages = codes::ALL.iter().flat_map(|code| examples(code.page));
    for line in guide.into_iter().chain(pages) {
        if let Err(error) = Arguments::try_parse_from(&line)
            && error.use_stderr()
        {
            panic!("{}: {error}", line.join(" "));
        }
    }
}

#[test]
fn every_command_has_a_section_with_an_example() {
    for command in Arguments::command().get_subcommands() {
        let name = command.get_name();
        let title = format!("\n## tollgate {name}\n");
        let (_, section) = GUIDE
            .split_once(&title)
            .unwrap_or_else(|| panic!("docs/cli.md has no section about {name}"));
        let section = section.split("\n## ").next().unwrap();
        let shown = examples(section);
        assert!(
            shown.iter().any(|line| line[1] == name),
            "docs/cli.md shows no example of {name}"
        );
        for inner in command.get_subcommands() {
            let inner = inner.get_name();
            assert!(
                shown
                    .iter()
                    .any(|line| line.get(2).is_some_and(|it| it == inner)),
                "docs/cli.md shows no example of {name} {inner}"
            );
        }
    }
}

#[test]
fn every_page_says_what_happened_why_and_what_to_do() {
    for code in codes::ALL {
        let lines: Vec<&str> = code.page.lines().collect();
        assert!(
            lines[0].starts_with(&format!("# {}: ", code.code)),
            "{}",
            lines[0]
        );
        for part in ["## Why, usually", "## What to do"] {
            assert!(lines.contains(&part), "{} has no {part}", code.code);
        }
    }
}
