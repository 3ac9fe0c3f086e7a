//! The fenced blocks of a page.

/// A block between fences.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// What stands behind the opening fence.
    pub(crate) info: String,
    /// The line of the opening fence, from 1.
    pub(crate) line: usize,
    /// The last line of text before it: a file's name in backticks says what the block is.
    pub(crate) before: String,
    /// The lines in between.
    pub(crate) text: String,
}

pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    let mut before = String::new();
    for (at, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                open = Some(Block {
                    info: info.trim().to_owned(),
                    line: at + 1,
                    before: before.clone(),
                    text: String::new(),
                });
            }
            (Some(_), Some("")) => found.extend(open.take()),
            (Some(block), _) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) if !line.trim().is_empty() => before = line.to_owned(),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed: {open:?}");
    found
}

#[test]
fn blocks_are_found_with_what_stands_before_them() {
    let page = "a\n\n`x.py`:\n\n```python\nb\n\nc\n```\nd\n```text output\n```\n";
    let found = blocks(page);
    assert_eq!(found.len(), 2);
    assert_eq!(
        (
            found[0].info.as_str(),
            found[0].line,
            found[0].text.as_str()
        ),
        ("python", 5, "b\n\nc\n")
    );
    assert_eq!(found[0].before, "`x.py`:");
    assert_eq!(
        (found[1].info.as_str(), found[1].text.as_str()),
        ("text output", "")
    );
}
