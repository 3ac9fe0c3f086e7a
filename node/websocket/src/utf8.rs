//! UTF-8 that arrives in pieces: a character may be cut anywhere, and a text that can no longer
//! become valid is refused at once, not at its end.

/// The longest character in bytes.
const CHARACTER_BYTES_MAX: usize = 4;

/// Checks a text piece by piece.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Utf8 {
    /// The begun character.
    begun: [u8; CHARACTER_BYTES_MAX],
    length: u8,
}

impl Utf8 {
    /// Takes the next piece; false when the text is not UTF-8, however it goes on.
    pub(crate) fn push(&mut self, mut piece: &[u8]) -> bool {
        while self.length > 0 {
            let Some((&byte, rest)) = piece.split_first() else {
                return true;
            };
            let length = usize::from(self.length);
            if length == CHARACTER_BYTES_MAX {
                return false;
            }
            self.begun[length] = byte;
            self.length += 1;
            piece = rest;
            match core::str::from_utf8(&self.begun[..=length]) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        match core::str::from_utf8(piece) {
            Ok(_) => true,
            Err(error) if error.error_len().is_some() => false,
            Err(error) => {
                let begun = &piece[error.valid_up_to()..];
                self.begun[..begun.len()].copy_from_slice(begun);
                // At most three bytes of a character are not all of it.
                self.length = begun.len() as u8;
                true
            }
        }
    }

    /// Whether no character is cut here.
    pub(crate) fn is_complete(self) -> bool {
        self.length == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid(pieces: &[&[u8]]) -> bool {
        let mut utf8 = Utf8::default();
        pieces.iter().all(|piece| utf8.push(piece)) && utf8.is_complete()
    }

    #[test]
    fn every_cut_gives_what_std_says_of_the_whole() {
        let texts: [&[u8]; 14] = [
            "κόσμε \u{10ffff} \u{fffd} aé€😀".as_bytes(),
            b"",
            b"\xc0\xaf",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"a\xf5",
            b"\xce",
            b"\xf0\x9f\x98",
            b"\xf0\x9f\x98\x80",
            b"\xe0\x80\x80",
            b"\xff",
            b"\x80",
            b"\xf0\x9f\x98a",
            b"\xc3\xc3",
        ];
        for text in texts {
            let whole = core::str::from_utf8(text).is_ok();
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let pieces = [&text[..first], &text[first..second], &text[second..]];
                    assert_eq!(valid(&pieces), whole, "{pieces:x?}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_become_valid_is_refused_at_once() {
        for bad in [
            &b"\xed\xa0"[..],
            b"\xf4\x90",
            b"\xc0",
            b"\xf8",
            b"ok\xe2\x28",
        ] {
            assert!(!Utf8::default().push(bad), "{bad:x?}");
        }
        let mut cut = Utf8::default();
        assert!(cut.push(b"\xf4") && !cut.push(b"\x90"));
    }
}
