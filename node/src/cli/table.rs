//! Plain tables: a head in capitals and aligned columns, two spaces apart.

/// Columns wider than this are not padded for, so that one long cell does not push all others.
const WIDTH_MAX: usize = 60;

/// A table as text, without a line end behind the last row; `None` when it has no row.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let head: Vec<String> = head.iter().map(|it| (*it).to_owned()).collect();
    let all = || std::iter::once(&head).chain(rows);
    let width = |column: usize| {
        all()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .filter(|width| *width <= WIDTH_MAX)
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let lines: Vec<String> = all().map(|row| line(row, &widths)).collect();
    Some(lines.join("\n"))
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut out = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let clean = cell.chars().map(|c| if c.is_control() { ' ' } else { c });
        out.extend(clean);
        let padding = width.saturating_sub(cell.chars().count()) + 2;
        out.extend(std::iter::repeat_n(' ', padding));
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn columns_are_aligned_and_control_characters_gone() {
        let text = table(
            &["ID", "NAME"],
            &[row(&["abcdef", "é"]), row(&["b", "x\u{1b}[31m"])],
        );
        assert_eq!(text.unwrap(), "ID      NAME\nabcdef  é\nb       x [31m");
        assert_eq!(table(&["ID"], &[]), None);
    }

    #[test]
    fn a_long_cell_does_not_push_the_others() {
        let long = "x".repeat(WIDTH_MAX + 1);
        let text = table(&["A", "B"], &[row(&[&long, "1"]), row(&["y", "2"])]).unwrap();
        assert_eq!(text, format!("A  B\n{long}  1\ny  2"));
    }
}
