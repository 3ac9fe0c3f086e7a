//! How an input becomes another one.

use crate::random::Random;

/// The longest input that is made.
pub(crate) const BYTES_MAX: usize = 64 * 1024;
/// Changes of one input at most.
const CHANGES_MAX: u64 = 6;
/// How often a piece is repeated at most: deep nesting, long lists.
const REPEATS_MAX: u64 = 2_000;
/// Bytes of a piece that is copied or removed at most.
const PIECE_MAX: usize = 64;
/// Values at the edges of what fits somewhere.
const EDGES: [&str; 9] = [
    "0",
    "-1",
    "1e999",
    "18446744073709551616",
    "9223372036854775808",
    "0.1",
    "\u{0}",
    "\u{fffd}",
    "\"",
];

pub(crate) struct Mutator {
    words: Vec<Vec<u8>>,
}

impl Mutator {
    pub(crate) fn new(dictionary: &[&str]) -> Self {
        let words = dictionary.iter().chain(&EDGES);
        Self {
            words: words.map(|it| it.as_bytes().to_vec()).collect(),
        }
    }

    /// A mutation of one of the inputs.
    pub(crate) fn mutate(&self, corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
        let mut input = corpus[random.index(corpus.len())].clone();
        for _ in 0..=random.below(CHANGES_MAX) {
            self.change(&mut input, corpus, random);
            input.truncate(BYTES_MAX);
        }
        input
    }

    fn change(&self, input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
        let at = random.index(input.len() + 1);
        let end = (at + 1 + random.index(PIECE_MAX)).min(input.len());
        match random.below(9) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < input.len() => input[at] = random.byte(),
            2 => insert(input, at, &[random.byte()]),
            3 => insert(input, at, &self.words[random.index(self.words.len())]),
            4 if at < end => drop(input.drain(at..end)),
            5 if at < end => {
                let piece = input[at..end].to_vec();
                let to = random.index(input.len() + 1);
                insert(input, to, &piece);
            }
            6 if at < end => {
                let word = &self.words[random.index(self.words.len())];
                input.splice(at..end, word.iter().copied());
            }
            7 => {
                let other = &corpus[random.index(corpus.len())];
                let from = random.index(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let short = end.min(at + 8);
                let piece = match at < short {
                    true => input[at..short].to_vec(),
                    false => self.words[random.index(self.words.len())].clone(),
                };
                let times = random.below(REPEATS_MAX);
                let times = usize::try_from(times)
                    .unwrap_or(0)
                    .min(BYTES_MAX / piece.len().max(1));
                insert(input, at, &piece.repeat(times));
            }
        }
    }
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    input.splice(at..at, piece.iter().copied());
}
