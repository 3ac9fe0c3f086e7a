//! The matcher against one that tries everything, and the count of its steps.

extern crate std;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use std::eprintln;

use proptest::prelude::*;

use super::*;
use crate::Context;
use crate::template::{Syntax, Template, Wildcards};

/// Tries every way to divide the text: obviously right, and exponential.
fn naive(pattern: &[Item], text: &[char]) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return text.is_empty();
    };
    match first {
        Item::Run | Item::RunInSegment => (0..=text.len()).any(|taken| {
            let may = *first == Item::Run || !text[..taken].contains(&':');
            may && naive(rest, &text[taken..])
        }),
        one => text
            .split_first()
            .is_some_and(|(c, after)| one.accepts(*c) && naive(rest, after)),
    }
}

/// A segment of a pattern: what is written there, variables included.
const SEGMENT: &str = "([ab*?é]|\\*|\\$\\{x:v\\}){0,4}";

/// Segments joined by colons.
fn joined(segment: &'static str) -> impl Strategy<Value = String> {
    proptest::collection::vec(segment, 1..8).prop_map(|segments| segments.join(":"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn as_the_naive_matcher(
        pattern in joined(SEGMENT),
        text in joined("[abé]{0,3}"),
        value in "[ab:]{0,3}",
        wildcards in prop_oneof![
            Just(Wildcards::All),
            Just(Wildcards::Segments),
            Just(Wildcards::Components),
        ],
    ) {
        let mut context = Context::new();
        context.set("x:v", &*value);
        let syntax = Syntax { variables: true, wildcards };
        let template = Template::parse(&pattern, syntax).unwrap();
        let chars: Vec<char> = text.chars().collect();
        let (mut fits, mut expected, mut steps, mut most) = (false, true, 0, 0);
        template.with_pattern(usize::MAX, &context, |pattern| {
            (fits, steps) = pattern.run(&text, Case::Exact);
            expected = naive(pattern.items(), &chars);
            most = bound(pattern, &text);
            fits
        });
        prop_assert_eq!(fits, expected, "{:?} {:?} {:?}", pattern, value, text);
        // Nor does it change anything to stop where the text cannot fit any more.
        prop_assert_eq!(template.matches(&text, Case::Exact, &context), expected);
        prop_assert!(steps <= most, "{} steps, {:?} {:?}", steps, pattern, text);
    }

    /// Texts made from the pattern itself, so that long matches occur.
    #[test]
    fn what_a_pattern_was_made_of_fits(parts in proptest::collection::vec(("[ab:]{0,4}", "[ab:é]{0,4}"), 1..8)) {
        let pattern: String = parts.iter().map(|(plain, _)| format!("{plain}*")).collect();
        let text: String = parts.iter().map(|(plain, filled)| format!("{plain}{filled}")).collect();
        let syntax = Syntax { variables: true, wildcards: Wildcards::All };
        let template = Template::parse(&pattern, syntax).unwrap();
        prop_assert!(template.matches(&text, Case::Exact, &Context::new()));
    }
}

/// Steps that a match may take: in proportion to pattern and text; a `?` behind a `*` costs the
/// length of the pattern.
fn bound(pattern: &Pattern, text: &str) -> u64 {
    // Both are passed at most twice, and in ARNs once more for each of six segments.
    const PASSES: usize = 2 + 6;
    let (items, text) = (pattern.items(), text.len());
    let is_floating = |item: &Item| matches!(item, Item::One | Item::OneInSegment);
    let linear = PASSES * (items.len() + text + 1);
    let steps = if items.iter().any(is_floating) {
        linear + (items.len() + 1) * (text + 1)
    } else {
        linear
    };
    steps as u64
}

/// The shapes that make matchers explode, at the largest sizes that can occur.
#[test]
fn no_pattern_blows_up() {
    let texts = [
        "a".repeat(2_048),
        "a:".repeat(1_024),
        format!("{}b", "a".repeat(2_047)),
        "ab".repeat(1_024),
    ];
    let patterns: [(&str, String); 7] = [
        ("stars", "*a".repeat(1_000) + "b"),
        (
            "one long part",
            String::from("*") + &"a".repeat(1_000) + "b",
        ),
        (
            "a part like its own end",
            String::from("*") + &"ab".repeat(500) + "b",
        ),
        ("questions", String::from("*") + &"?".repeat(1_000) + "b"),
        ("stars with questions", "*?".repeat(1_000) + "b"),
        (
            "a segment",
            String::from("a:a*") + &"a".repeat(1_000) + "b*:*b",
        ),
        (
            "segments",
            String::from("*:a*ab:*:a*ab:a*b:") + &"*ab".repeat(300),
        ),
    ];
    for (name, text_of_pattern) in &patterns {
        let mut most_taken = 0;
        for wildcards in [Wildcards::All, Wildcards::Segments, Wildcards::Components] {
            let syntax = Syntax {
                variables: true,
                wildcards,
            };
            let template = Template::parse(text_of_pattern, syntax).unwrap();
            for text in &texts {
                template.with_pattern(text.len(), &Context::new(), |pattern| {
                    let (fits, steps) = pattern.run(text, Case::Exact);
                    let most = bound(pattern, text);
                    assert!(
                        steps <= most,
                        "{name}, {wildcards:?}: {steps} steps of {most}"
                    );
                    most_taken = most_taken.max(steps);
                    fits
                });
            }
        }
        eprintln!("{name}: at most {most_taken} steps for 2,048 bytes");
    }
}
