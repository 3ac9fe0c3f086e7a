//! Wildcards: `*` for any run of characters, `?` for one, without blow-up.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Resource": within the segments of an ARN a
//! wildcard does not reach over the colon, but a `*` that ends its segment does.
//!
//! The matcher goes back to the last `*` only, never to one before: the first place where the part
//! between two `*` fits is as good as any later one. So a match costs at most the length of the
//! pattern times the length of the text, which [`run`] counts and a test holds it to.

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

/// Whether the whole text fits the pattern.
pub(crate) fn matches(pattern: &[Item], text: &str, case: Case) -> bool {
    run(pattern, text, case).0
}

/// Where to go on when the text stops to fit: the item behind a `*`, and how much of the text the
/// `*` has taken.
type Retry = Option<(usize, usize)>;

/// Whether the whole text fits, and in how many steps that was found.
fn run(pattern: &[Item], text: &str, case: Case) -> (bool, u64) {
    let at = |at: usize| {
        let c = text.get(at..)?.chars().next()?;
        Some(match case {
            Case::Exact => c,
            Case::AsciiFolded => c.to_ascii_lowercase(),
        })
    };
    let (mut item, mut place, mut steps) = (0, 0, 0_u64);
    let (mut over, mut amid): (Retry, Retry) = (None, None);
    loop {
        steps += 1;
        match (pattern.get(item), at(place)) {
            (None, None) => return (true, steps),
            (Some(Item::Run), _) => {
                item += 1;
                if item == pattern.len() {
                    return (true, steps);
                }
                (over, amid) = (Some((item, place)), None);
                continue;
            }
            (Some(Item::RunInSegment), _) => {
                item += 1;
                amid = Some((item, place));
                continue;
            }
            (Some(step), Some(c)) if step.accepts(c) => {
                (item, place) = (item + 1, place + c.len_utf8());
                continue;
            }
            _ => {}
        }
        // One character more for the last `*`: first the one amid its segment, while it can.
        let more = |retry: Retry, barred: Option<char>| {
            let (behind, taken) = retry?;
            let c = at(taken).filter(|c| Some(*c) != barred)?;
            Some((behind, taken + c.len_utf8()))
        };
        amid = more(amid, Some(':'));
        let next = match amid {
            Some(next) => next,
            None => match more(over, None) {
                Some(next) => {
                    over = Some(next);
                    next
                }
                None => return (false, steps),
            },
        };
        (item, place) = next;
    }
}

#[cfg(test)]
mod tests;
