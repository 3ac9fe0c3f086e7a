//! Texts of a policy that a request is compared with: literal characters, wildcards and policy
//! variables.
//!
//! Source: IAM User Guide, "IAM policy elements: Variables and tags". Variables exist since version
//! 2012-10-17; `${*}`, `${?}` and `${$}` are the characters themselves. What a variable stands for
//! is literal: a `*` in somebody's tag is no wildcard. A variable without a value and without a
//! default makes its text equal to nothing.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::pattern::{Case, Item, Pattern};
use crate::{Context, Problem};

/// A text with wildcards and variables, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Box<[Part]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Fixed(Pattern),
    Variable {
        key: Box<str>,
        default: Option<Box<str>>,
    },
}

/// What has a meaning in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// `${...}`: since version 2012-10-17.
    pub(crate) variables: bool,
    pub(crate) wildcards: Wildcards,
}

/// How far wildcards reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wildcards {
    /// They are characters like others.
    None,
    /// Over everything.
    All,
    /// Resources: over a colon only by a `*` at the end of its segment. What follows the fifth
    /// colon is one segment.
    Segments,
    /// ARN conditions: each of the six components by itself.
    Components,
}

impl Template {
    /// Compiles a text.
    pub(crate) fn parse(text: &str, syntax: Syntax) -> Result<Self, Problem> {
        let mut parts = Vec::new();
        let mut items = Vec::new();
        let mut colons = 0;
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if syntax.variables
                && let Some(inner) = rest.strip_prefix("${")
            {
                let (name, after) = inner.split_once('}').ok_or_else(|| {
                    Problem::value(rest, "closed variable; write ${$}{ for the characters ${")
                })?;
                rest = after;
                match name {
                    "*" | "?" | "$" => items.extend(name.chars().map(Item::Char)),
                    _ => {
                        if !items.is_empty() {
                            parts.push(Part::Fixed(Pattern::new(core::mem::take(&mut items))));
                        }
                        parts.push(variable(name)?);
                    }
                }
                continue;
            }
            rest = &rest[c.len_utf8()..];
            if c == ':' {
                colons += 1;
            }
            let ends_segment = rest.is_empty() || rest.starts_with(':');
            push(&mut items, syntax.wildcards.item(c, colons, ends_segment));
        }
        if !items.is_empty() || parts.is_empty() {
            parts.push(Part::Fixed(Pattern::new(items)));
        }
        Ok(Self {
            parts: parts.into(),
        })
    }

    /// A text for actions: in lower case, for [`Case::AsciiFolded`], without variables.
    pub(crate) fn action(text: &str) -> Result<Self, Problem> {
        let syntax = Syntax {
            variables: false,
            wildcards: Wildcards::All,
        };
        Self::parse(&text.to_ascii_lowercase(), syntax)
    }

    /// Whether a policy variable is in it.
    pub(crate) fn has_variables(&self) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Variable { .. }))
    }

    /// Whether a text fits. Allocates only for templates with variables.
    pub(crate) fn matches(&self, text: &str, case: Case, context: &Context<'_>) -> bool {
        self.with_pattern(text.len(), context, |pattern| pattern.matches(text, case))
    }

    /// Whether a text is the same but for case. Templates of such conditions have no wildcards.
    pub(crate) fn equals_ignoring_case(&self, text: &str, context: &Context<'_>) -> bool {
        self.with_pattern(text.len(), context, |pattern| {
            let own = pattern.items().iter().filter_map(|item| match item {
                Item::Char(c) => Some(*c),
                _ => None,
            });
            own.flat_map(char::to_lowercase)
                .eq(text.chars().flat_map(char::to_lowercase))
        })
    }

    /// Tests the pattern with its variables replaced; false when one has no value, or when no text
    /// of so many bytes could fit.
    pub(crate) fn with_pattern(
        &self,
        text_bytes: usize,
        context: &Context<'_>,
        test: impl FnOnce(&Pattern) -> bool,
    ) -> bool {
        if let [Part::Fixed(pattern)] = &*self.parts {
            return test(pattern);
        }
        let mut items = Vec::new();
        self.expand(text_bytes, context, &mut items)
            .is_some_and(|()| test(&Pattern::new(items)))
    }

    /// Gathers the items with variables replaced; `None` when one has no value, or once more items
    /// need a character than the text has bytes.
    ///
    /// The clients write the values, and a policy may name one a thousand times: without that end
    /// eight KiB of policy and a header of eight KiB make ten million items. Lower-casing, under
    /// which texts may be compared, keeps the bound: of a character of n bytes it makes at most n.
    fn expand(
        &self,
        text_bytes: usize,
        context: &Context<'_>,
        items: &mut Vec<Item>,
    ) -> Option<()> {
        let mut left = text_bytes;
        for part in &self.parts {
            match part {
                Part::Fixed(pattern) => {
                    let own = pattern.items();
                    let needed = own.iter().filter(|item| item.needs_character()).count();
                    left = left.checked_sub(needed)?;
                    items.extend_from_slice(own);
                }
                Part::Variable { key, default } => {
                    for c in context.single(key).or(default.as_deref())?.chars() {
                        left = left.checked_sub(1)?;
                        items.push(Item::Char(c));
                    }
                }
            }
        }
        Some(())
    }
}

impl Wildcards {
    /// What a character means behind so many colons.
    fn item(self, c: char, colons: usize, ends_segment: bool) -> Item {
        const LAST_SEGMENT: usize = 5;
        let is_bounded = match self {
            Self::None => return Item::Char(c),
            Self::All => false,
            Self::Segments | Self::Components => colons < LAST_SEGMENT,
        };
        match c {
            '*' if !is_bounded || (self == Self::Segments && ends_segment) => Item::Run,
            '*' => Item::RunInSegment,
            '?' if is_bounded => Item::OneInSegment,
            '?' => Item::One,
            _ => Item::Char(c),
        }
    }
}

/// Appends an item; of `*` beside `*` the one that reaches further is kept.
fn push(items: &mut Vec<Item>, item: Item) {
    match (items.last_mut(), item) {
        (Some(Item::Run), Item::Run | Item::RunInSegment) => {}
        (Some(last @ Item::RunInSegment), Item::Run | Item::RunInSegment) => *last = item,
        _ => items.push(item),
    }
}

/// `aws:username`, or `aws:PrincipalTag/team, 'default'`.
fn variable(inner: &str) -> Result<Part, Problem> {
    const EXPECTED: &str = "variable; write ${aws:username} or ${aws:username, 'default'}";
    let (key, default) = match inner.split_once(',') {
        None => (inner, None),
        Some((key, default)) => {
            let quoted = default.trim().strip_prefix('\'');
            let default = quoted
                .and_then(|text| text.strip_suffix('\''))
                .filter(|text| !text.contains('\''))
                .ok_or_else(|| Problem::value(inner, EXPECTED))?;
            (key, Some(default.to_owned().into()))
        }
    };
    let key = key.trim();
    if !is_key(key) {
        return Err(Problem::value(inner, EXPECTED));
    }
    Ok(Part::Variable {
        key: key.into(),
        default,
    })
}

/// Whether a text can name a key: `prefix:name`. Tags bring names with spaces and slashes.
pub(crate) fn is_key(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(prefix, name)| !prefix.is_empty() && !name.is_empty())
        && !text.contains(['*', '?', '$', '{', '}', '\''])
        && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNTAX: Syntax = Syntax {
        variables: true,
        wildcards: Wildcards::All,
    };

    /// The largest policy of one variable, and the largest header.
    #[test]
    fn no_more_is_gathered_than_the_text_could_fill() {
        let template = Template::parse(&"*${aws:UserAgent}".repeat(480), SYNTAX).unwrap();
        let mut context = Context::new();
        context.set("aws:UserAgent", "é".repeat(4_096));
        for text_bytes in [0, 1, 100, 8_192] {
            let mut items = Vec::new();
            assert_eq!(template.expand(text_bytes, &context, &mut items), None);
            assert!(items.len() <= text_bytes + 480, "{}", items.len());
        }
        assert!(!template.matches(&"é".repeat(4_096), Case::Exact, &context));
    }

    /// The end is where nothing could fit any more, and not before.
    #[test]
    fn what_just_fits_is_compared() {
        let mut context = Context::new();
        context.set("x:v", "ab");
        for (template, fits, not) in [
            ("${x:v}c", "abc", "ab"),
            ("${x:v}?${x:v}", "abéab", "abab"),
            ("**${x:v}*", "ab", "a"),
            ("${x:none, 'd'}", "d", ""),
            ("${x:v}${x:v}", "abab", "aba"),
        ] {
            let compiled = Template::parse(template, SYNTAX).unwrap();
            assert!(compiled.matches(fits, Case::Exact, &context), "{template}");
            assert!(!compiled.matches(not, Case::Exact, &context), "{template}");
        }
        let plain = Syntax {
            wildcards: Wildcards::None,
            ..SYNTAX
        };
        // One character that becomes two in lower case, and one that becomes shorter.
        for (value, text) in [
            ("i\u{307}", "İ"),
            ("İ", "i\u{307}"),
            ("k", "\u{212a}"),
            ("ß", "ẞ"),
        ] {
            context.set("x:v", value);
            let compiled = Template::parse("${x:v}", plain).unwrap();
            assert!(
                compiled.equals_ignoring_case(text, &context),
                "{value} {text}"
            );
        }
    }
}
