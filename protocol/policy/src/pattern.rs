//! Wildcards: `*` for any run of characters, `?` for one, without blow-up.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Resource": within the segments of an ARN a
//! wildcard does not reach over the colon, but a `*` that ends its segment does.
//!
//! The matcher goes back to the last `*` only, never to one before: the first place where the part
//! between two `*` fits is as good as any later one. How far a part is shifted on a mismatch is
//! worked out beforehand (Knuth, Morris and Pratt, "Fast pattern matching in strings", 1977), so a
//! match takes time in proportion to text and pattern together. Only behind a `?` in a part that
//! floats between two `*` every place is tried: text times that part. [`Pattern::run`] counts its
//! steps, and tests hold it to that.

use alloc::boxed::Box;
use alloc::vec;

/// A step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    /// This character.
    Char(char),
    /// `?`: any one character.
    One,
    /// `?` in a segment: any one character but a colon.
    OneInSegment,
    /// `*`: any run of characters.
    Run,
    /// `*` amid a segment: any run of characters without a colon.
    RunInSegment,
}

impl Item {
    /// Whether a text needs a character for it.
    pub(crate) fn needs_character(self) -> bool {
        match self {
            Self::Char(_) | Self::One | Self::OneInSegment => true,
            Self::Run | Self::RunInSegment => false,
        }
    }

    fn accepts(self, c: char) -> bool {
        match self {
            Self::Char(own) => own == c,
            Self::One => true,
            Self::OneInSegment => c != ':',
            Self::Run | Self::RunInSegment => false,
        }
    }
}

/// Whether letters of the text count as their lower-case ASCII forms. The pattern must have been
/// written in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Exact,
    AsciiFolded,
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    items: Box<[Item]>,
    /// For each item, how much of its part's beginning still fits when the item behind it does not:
    /// the longest beginning of the part that also ends here. `None` from the first `?` of a part.
    kept: Box<[Option<u32>]>,
}

/// A `*` that may take more of the text.
#[derive(Debug, Clone, Copy)]
struct Star {
    /// The item behind it, where its part of the pattern begins.
    behind: usize,
    /// Where in the text that part was begun.
    begun: usize,
}

impl Pattern {
    pub(crate) fn new(items: impl Into<Box<[Item]>>) -> Self {
        let items = items.into();
        let mut kept: Box<[Option<u32>]> = vec![None; items.len()].into();
        let mut start = 0;
        for at in 0..items.len() {
            match items[at] {
                Item::Run | Item::RunInSegment => start = at + 1,
                Item::Char(_) if at == start => kept[at] = Some(0),
                Item::Char(_) => {
                    // `None` before means a `?` before: then nothing is known of what follows.
                    let mut length = kept[at - 1];
                    while let Some(long) = length.filter(|long| *long > 0) {
                        let long = long as usize;
                        if items[start + long] == items[at] {
                            break;
                        }
                        length = kept[start + long - 1];
                    }
                    kept[at] = length
                        .map(|long| long + u32::from(items[start + long as usize] == items[at]));
                }
                Item::One | Item::OneInSegment => {}
            }
        }
        Self { items, kept }
    }

    /// Its steps.
    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    /// Whether the whole text fits the pattern.
    pub(crate) fn matches(&self, text: &str, case: Case) -> bool {
        self.run(text, case).0
    }

    /// Whether the whole text fits, and in how many steps that was found.
    fn run(&self, text: &str, case: Case) -> (bool, u64) {
        let at = |at: usize| {
            let c = text.get(at..)?.chars().next()?;
            Some(match case {
                Case::Exact => c,
                Case::AsciiFolded => c.to_ascii_lowercase(),
            })
        };
        let (mut item, mut place, mut steps) = (0, 0, 0_u64);
        let (mut over, mut amid): (Option<Star>, Option<Star>) = (None, None);
        loop {
            steps += 1;
            match (self.items.get(item), at(place)) {
                (None, None) => return (true, steps),
                (Some(Item::Run), _) => {
                    item += 1;
                    if item == self.items.len() {
                        return (true, steps);
                    }
                    let (behind, begun) = (item, place);
                    (over, amid) = (Some(Star { behind, begun }), None);
                    continue;
                }
                (Some(Item::RunInSegment), _) => {
                    item += 1;
                    let (behind, begun) = (item, place);
                    amid = Some(Star { behind, begun });
                    continue;
                }
                (Some(step), Some(c)) if step.accepts(c) => {
                    (item, place) = (item + 1, place + c.len_utf8());
                    continue;
                }
                _ => {}
            }
            // The last `*` takes more: the one amid its segment while it can, else the one before
            // it, whose part then begins anew.
            if let Some(star) = amid {
                if let Some(next) = self.shift(star, item, Some(':'), &at) {
                    amid = Some(next.0);
                    (item, place) = (next.1, next.2.unwrap_or(place));
                    continue;
                }
                amid = None;
                item = over.map_or(item, |star| star.behind);
            }
            let next = over.and_then(|star| self.shift(star, item, None, &at));
            let Some(next) = next else {
                return (false, steps);
            };
            over = Some(next.0);
            (item, place) = (next.1, next.2.unwrap_or(place));
        }
    }

    /// Lets a `*` take as much more as its part of the pattern must move on, when the text does not
    /// fit `item` of it: the `*`, the item to go on with, and where in the text if not here. `None`
    /// at the end of the text, or when it would have to take `barred`.
    fn shift(
        &self,
        star: Star,
        item: usize,
        barred: Option<char>,
        at: &impl Fn(usize) -> Option<char>,
    ) -> Option<(Star, usize, Option<usize>)> {
        let Star { behind, mut begun } = star;
        let kept = match item.checked_sub(1) {
            Some(last) if item > behind => self.kept[last],
            _ => None,
        };
        let Some(kept) = kept else {
            let c = at(begun).filter(|c| Some(*c) != barred)?;
            begun += c.len_utf8();
            return Some((Star { behind, begun }, behind, Some(begun)));
        };
        let resumed = behind + kept as usize;
        for taken in &self.items[behind..behind + (item - resumed)] {
            let Item::Char(c) = taken else {
                return None;
            };
            if Some(*c) == barred {
                return None;
            }
            begun += c.len_utf8();
        }
        Some((Star { behind, begun }, resumed, None))
    }
}

#[cfg(test)]
mod tests;
