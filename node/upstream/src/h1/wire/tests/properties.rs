//! Any response, cut anywhere, is read as it was meant.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Frame {
    Length,
    /// The sizes of the chunks, and what stands beside each.
    Chunks(Vec<usize>, String),
    Close,
}

fn frames() -> impl Strategy<Value = Frame> {
    prop_oneof![
        Just(Frame::Length),
        Just(Frame::Close),
        (
            vec(1_usize..40, 1..6),
            "(;[a-z]{1,5}(=[a-z0-9]{1,5})?){0,3}"
        )
            .prop_map(|(sizes, beside)| Frame::Chunks(sizes, beside)),
    ]
}

/// The response as bytes.
fn response(fields: &[(String, String)], body: &[u8], frame: &Frame, trailers: usize) -> Vec<u8> {
    let mut out = b"HTTP/1.1 200 Fine\r\n".to_vec();
    for (name, value) in fields {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    match frame {
        Frame::Length => {
            out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            out.extend_from_slice(body);
        }
        Frame::Close => {
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(body);
        }
        Frame::Chunks(sizes, beside) => {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            let (mut left, mut sizes) = (body, sizes.iter().cycle());
            while !left.is_empty() {
                let size = left.len().min(*sizes.next().unwrap());
                out.extend_from_slice(format!("{size:x}{beside}\r\n").as_bytes());
                out.extend_from_slice(&left[..size]);
                out.extend_from_slice(b"\r\n");
                left = &left[size..];
            }
            out.extend_from_slice(format!("0{beside}\r\n").as_bytes());
            out.extend_from_slice("x-late: 1\r\n".repeat(trailers).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
    out
}

proptest! {
    #[test]
    fn any_cut_of_a_response_gives_the_same(
        fields in vec(("x-[a-z]{1,8}", "[a-z0-9]{0,12}"), 0..8),
        body in vec(any::<u8>(), 0..300),
        frame in frames(),
        trailers in 0_usize..3,
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes = response(&fields, &body, &frame, trailers);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&bytes[from..cut]);
            from = cut;
        }
        pieces.push(&bytes[from..]);
        let is_close = matches!(frame, Frame::Close);
        let last = if is_close { Last::End } else { Last::Silence };
        let mut expected: Vec<_> = fields
            .into_iter()
            .map(|(name, value)| (name, value.into_bytes()))
            .collect();
        if let Frame::Length = frame {
            expected.push(("content-length".to_owned(), body.len().to_string().into_bytes()));
        }
        let outcome = exchange(&Method::Get, &pieces, last);
        prop_assert_eq!(outcome, Outcome::Response {
            status: 200,
            fields: expected,
            body,
            end: Some(Ok(())),
            is_clean: !is_close,
        });
    }

    /// Nothing that a server can say makes the client fail other than by an error, and what is
    /// called clean leaves no byte behind.
    #[test]
    fn no_bytes_are_too_odd(
        head in "(HTTP/1\\.[01] [0-9]{3} )?[ -~\\r\\n]{0,40}",
        rest in vec(prop_oneof![
            Just("\r\n".to_owned()),
            Just("content-length: 3\r\n".to_owned()),
            Just("transfer-encoding: chunked\r\n".to_owned()),
            Just("HTTP/1.1 100 Continue\r\n\r\n".to_owned()),
            Just("0\r\n\r\n".to_owned()),
            "[0-9a-f]{1,3}\r\n",
            "[ -~\\r\\n]{0,9}",
        ], 0..12),
    ) {
        let bytes = (head + &rest.concat()).into_bytes();
        let whole = exchange(&Method::Get, &[&bytes], Last::End);
        let trickled: Vec<&[u8]> = bytes.chunks(1).collect();
        let trickled = exchange(&Method::Get, &trickled, Last::End);
        prop_assert_eq!(whole.settled(), trickled.settled());
    }
}
