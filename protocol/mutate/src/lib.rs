//! Feeds a parser with mutations of good inputs until a time is over: fuzzing without coverage, by
//! plain Cargo on stable Rust, for tests only.
//!
//! A run is a function of its seed. `TOLLGATE_FUZZ_SECONDS` says how long each target runs, half a
//! second unless set; `TOLLGATE_FUZZ_SEED` begins elsewhere. What a target does not survive is
//! printed with its seed.
#![forbid(unsafe_code)]

mod mutation;
mod random;

use std::str::FromStr;
use std::time::{Duration, Instant};

use mutation::Mutator;
use random::Random;

/// Seconds of a target unless the environment says otherwise.
const SECONDS_DEFAULT: f64 = 0.5;
/// The seed unless the environment says otherwise.
const SEED_DEFAULT: u64 = 0x7011_6A7E;
/// Inputs that became a part of the corpus for being taken; more of them are not kept.
const KEPT_MAX: usize = 4_096;
/// One in so many inputs that were taken is kept, so that mutations go on from them.
const KEEP_ONE_IN: u64 = 4;

/// Bytes of the slowest input that are shown.
const SHOWN_BYTES: usize = 400;

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Inputs that were tried.
    pub tried: u64,
    /// Inputs that the parser took.
    pub taken: u64,
    /// The longest that one input took.
    pub slowest: Duration,
    /// That input: what is slow out of proportion is an attack.
    pub slowest_input: Vec<u8>,
}

/// Tries every input of the corpus and then mutations, which use words of the dictionary. `check`
/// says whether the parser took an input, and panics when it misbehaves.
///
/// # Panics
/// When `check` does; the input is printed before. When there is no corpus.
pub fn run(
    name: &str,
    corpus: &[&[u8]],
    dictionary: &[&str],
    mut check: impl FnMut(&[u8]) -> bool,
) -> Summary {
    let seconds = setting("TOLLGATE_FUZZ_SECONDS").unwrap_or(SECONDS_DEFAULT);
    let seed = setting("TOLLGATE_FUZZ_SEED").unwrap_or(SEED_DEFAULT);
    assert!(!corpus.is_empty(), "{name} has no corpus");
    let mut kept: Vec<Vec<u8>> = corpus.iter().map(|it| it.to_vec()).collect();
    let mut random = Random::new(seed);
    let mutator = Mutator::new(dictionary);
    let (began, limit) = (Instant::now(), Duration::from_secs_f64(seconds));
    let mut summary = Summary {
        tried: 0,
        taken: 0,
        slowest: Duration::ZERO,
        slowest_input: Vec::new(),
    };
    let mut one = |input: &[u8]| {
        let witness = Witness { name, seed, input };
        let at = Instant::now();
        let taken = check(input);
        if at.elapsed() > summary.slowest {
            summary.slowest = at.elapsed();
            summary.slowest_input = input.to_vec();
        }
        summary.tried += 1;
        summary.taken += u64::from(taken);
        drop(witness);
        taken
    };
    for input in corpus {
        one(input);
    }
    while began.elapsed() < limit {
        let input = mutator.mutate(&kept, &mut random);
        if one(&input) && kept.len() < KEPT_MAX && random.below(KEEP_ONE_IN) == 0 {
            kept.push(input);
        }
    }
    let shown = &summary.slowest_input;
    println!(
        "fuzz {name}: {} inputs, {} taken, {:.1} s, seed {seed}; the slowest took {:?}: {} bytes, \"{}\"",
        summary.tried,
        summary.taken,
        began.elapsed().as_secs_f64(),
        summary.slowest,
        shown.len(),
        shown[..shown.len().min(SHOWN_BYTES)].escape_ascii(),
    );
    summary
}

fn setting<T: FromStr>(name: &str) -> Option<T> {
    std::env::var_os(name)?.to_str()?.parse().ok()
}

/// Prints the input when a panic passes by.
struct Witness<'i> {
    name: &'i str,
    seed: u64,
    input: &'i [u8],
}

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { name, seed, input } = self;
            eprintln!("fuzz {name}, seed {seed}: \"{}\"", input.escape_ascii());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parser_that_fails_deep_inside_is_found() {
        let found = std::panic::catch_unwind(|| {
            run("planted", &[b"{\"a\": 1}"], &["[["], |input| {
                assert!(!input.windows(3).any(|it| it == b"[[1"), "planted");
                true
            })
        });
        assert!(found.is_err());
    }

    #[test]
    fn runs_of_one_seed_are_the_same() {
        let inputs = |seed| {
            let (mut random, mutator) = (Random::new(seed), Mutator::new(&["word"]));
            let corpus = [b"some input".to_vec(), b"another one".to_vec()];
            let each = (0..100).map(|_| mutator.mutate(&corpus, &mut random));
            each.collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        assert!(inputs(1).iter().all(|it| it.len() <= mutation::BYTES_MAX));
    }
}
