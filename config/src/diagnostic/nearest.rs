//! The valid name that somebody probably meant.

/// Below this similarity a suggestion confuses more than it helps.
const SIMILARITY_MIN: f64 = 0.75;
/// A longer word means nothing: comparing takes the product of both lengths.
const WORD_BYTES_MAX: usize = 128;
/// A word of this many letters that begins a candidate means it: `cors` is `corsConfiguration`.
const PREFIX_CHARS_MIN: usize = 3;

/// The candidate nearest to `word`, if one is near: the same letters in another case first.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let folded = fold(word);
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let other = fold(candidate);
        if other == folded && candidate != word {
            return Some(candidate);
        }
        let swapped = strsim::normalized_damerau_levenshtein(&folded, &other);
        let similar = swapped.max(strsim::jaro_winkler(&folded, &other) - 0.1);
        let begins = folded.len() >= PREFIX_CHARS_MIN && other.starts_with(&folded);
        let score = if begins { similar.max(0.8) } else { similar };
        if score >= SIMILARITY_MIN && best.is_none_or(|(top, _)| score > top) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Letters and digits in lower case: `rate_limit`, `rateLimit` and `RateLimit` are one word.
fn fold(word: &str) -> String {
    word.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_find_their_word_and_strangers_none() {
        let keys = ["handler", "runtime", "timeoutMs", "directory"];
        for (word, wanted) in [
            ("handlr", Some("handler")),
            ("timeout_ms", Some("timeoutMs")),
            ("Runtime", Some("runtime")),
            ("dirrectory", Some("directory")),
            ("timeout", Some("timeoutMs")),
            ("dir", Some("directory")),
            ("colour", None),
        ] {
            assert_eq!(nearest(word, keys), wanted, "{word}");
        }
    }
}
