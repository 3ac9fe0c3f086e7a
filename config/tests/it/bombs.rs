//! Small files that would take all memory or time if nothing were bounded.

use std::path::Path;

use tollgate_config::diagnostic::{render, render_json};
use tollgate_config::document::{LoadContext, load_str};

use crate::document::{error, text};

#[test]
fn alias_bombs_and_depth_are_bounded() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..30 {
        let items = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{items}]\n"));
    }
    assert!(
        error(&bomb).contains("aliases add more than"),
        "{}",
        error(&bomb)
    );
    let deep = format!("apis: {}{}", "[".repeat(200), "]".repeat(200));
    assert!(error(&deep).contains("64 levels"), "{}", error(&deep));
    let circle = "a: &a [*a]";
    assert!(error(circle).contains("alias"), "{}", error(circle));
    // Each anchor keeps a copy of what is in it: a megabyte would become gigabytes.
    let open: Vec<String> = (0..50).map(|n| format!("&a{n} [")).collect();
    let items = vec!["x"; 100_000].join(",");
    let anchors = format!("apis: {}{items}{}", open.concat(), "]".repeat(50));
    assert!(error(&anchors).contains("anchors name more than"));
}

#[test]
fn a_large_mapping_is_merged_in_one_pass() {
    let members: Vec<String> = (0..150_000).map(|n| format!("k{n}: 1")).collect();
    let base = format!("base: &b {{{}, own: 2}}\n", members.join(", "));
    let reading = |key: &str| {
        let began = std::time::Instant::now();
        let text = format!("{base}x: {{own: 1, {key}: {{{}}}}}\n", members.join(", "));
        let found = error(&text);
        assert!(found.contains("unknown key `base`"), "{found}");
        began.elapsed()
    };
    // Member by member against all before it takes a hundred times as long as to read them.
    let (read, merged) = (reading("other"), reading("<<"));
    assert!(
        merged < read * 10,
        "{merged:?}, and {read:?} without a merge"
    );
    let kept = text(
        "apis:\n  - &a {name: one, apiId: a, version: '1'}\n  - {<<: *a, name: two, apiId: b}\n",
    );
    let model = kept.unwrap_or_else(|found| panic!("{found}")).model;
    let two = &model.apis["b"];
    assert_eq!(
        (two.name.as_str(), two.version.as_deref()),
        ("two", Some("1"))
    );
}

#[test]
fn findings_in_one_long_line_do_not_each_hold_it() {
    let route = |n| format!("{{\"routeKey\":\"BAD {n}\",\"integration\":\"http://a/x\"}}");
    let routes: Vec<String> = (0..3_000).map(route).collect();
    let line = format!(
        "{{\"apis\":[{{\"name\":\"a\",\"routes\":[{}]}}]}}",
        routes.join(",")
    );
    let found = load_str("a.json", &line, Path::new("."), &LoadContext::default());
    let found = found.expect_err("no route key is right");
    let json = render_json(&found);
    assert!(json.len() < 300_000, "{} bytes", json.len());
    // What is shown is what is wrong, wherever in the line it stands.
    let late = found.iter().find(|it| it.source_start > 0).unwrap();
    let wrong = late.reason.split('`').nth(1).unwrap();
    let told = render(std::slice::from_ref(late));
    let mut lines = told.lines().skip_while(|it| !it.starts_with("1 |"));
    let (source, marks) = (lines.next().unwrap(), lines.next().unwrap());
    let marked: String = source
        .chars()
        .zip(marks.chars())
        .filter(|(_, mark)| *mark == '^')
        .map(|(c, _)| c)
        .collect();
    assert!(marked.contains(wrong), "{told}");
}
