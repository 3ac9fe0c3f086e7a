//! Every command line that a document shows is one that the program takes.

use tollgate_harness::tollgate;

use crate::blocks::blocks;
use crate::pages;

/// The arguments of the `tollgate` calls in a block of shell: up to what ends a command.
fn calls(block: &str) -> Vec<Vec<String>> {
    let joined = block.replace("\\\n", " ");
    let lines = joined.lines().map(|line| line.trim_start_matches("$ "));
    lines.filter_map(arguments).collect()
}

fn arguments(line: &str) -> Option<Vec<String>> {
    let after = line
        .split_once("$(tollgate ")
        .map(|(_, after)| after.split(')').next().unwrap_or_default())
        .or_else(|| line.trim_start().strip_prefix("tollgate "))?;
    let ends = ["|", ">", "&", ";", "#", "<"];
    Some(
        words(after)
            .into_iter()
            .take_while(|(word, quoted)| *quoted || !ends.iter().any(|end| word.starts_with(end)))
            .map(|(word, _)| word.trim_end_matches(';').to_owned())
            .collect(),
    )
}

/// The words of a line and whether each began with a quote, which keeps blanks together.
fn words(line: &str) -> Vec<(String, bool)> {
    let mut found: Vec<(String, bool)> = Vec::new();
    let mut quote = None;
    let mut inside = false;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                if !inside {
                    found.push((String::new(), true));
                }
                inside = true;
            }
            (None, c) if c.is_whitespace() => inside = false,
            (_, c) => {
                if !inside {
                    found.push((String::new(), false));
                }
                inside = true;
                if let Some((word, _)) = found.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    found
}

#[test]
fn every_command_line_is_understood() {
    let mut seen = 0;
    let mut refused = Vec::new();
    for (name, text) in pages() {
        for block in blocks(&text) {
            let shell = block.info.split(' ').next().unwrap_or_default();
            if !matches!(shell, "sh" | "bash" | "console") {
                continue;
            }
            for mut call in calls(&block.text) {
                seen += 1;
                let shown = call.join(" ");
                // The flags before `--help` are read first, and refused if they do not exist.
                call.push("--help".to_owned());
                let answer = tollgate(&call);
                if answer.code != 0 {
                    let line = block.line;
                    refused.push(format!("{name}:{line}: {shown}: {}", answer.stderr));
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} command lines were found");
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn a_flag_that_does_not_exist_is_found() {
    let block =
        "key=$(tollgate key create ada --plna trial)\ntollgate get routes 'GET /x' | head\n";
    let calls = calls(block);
    assert_eq!(calls[0], ["key", "create", "ada", "--plna", "trial"]);
    assert_eq!(calls[1], ["get", "routes", "GET /x"]);
    let with_help = |call: &[String]| tollgate(call.iter().map(String::as_str).chain(["--help"]));
    assert_eq!(with_help(&calls[0]).code, 64);
    assert_eq!(with_help(&calls[1]).code, 0);
}
