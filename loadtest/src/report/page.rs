//! The frame of a report: one HTML file that needs no network and suits light and dark.

use super::format::escape;

const STYLE: &str = include_str!("style.css");

/// A whole page around `body`, which is trusted markup.
pub fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n\
         </body>\n</html>\n"
    )
}

/// A table; the first cell of each row is its name. Cells are text.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = String::from(r#"<div class="scroll"><table><thead><tr>"#);
    for cell in head {
        table += &format!(r#"<th scope="col">{}</th>"#, escape(cell));
    }
    table += "</tr></thead><tbody>\n";
    for row in rows {
        table += "<tr>";
        for (index, cell) in row.iter().enumerate() {
            let cell = escape(cell);
            table += &match index {
                0 => format!(r#"<th scope="row">{cell}</th>"#),
                _ => format!("<td>{cell}</td>"),
            };
        }
        table += "</tr>\n";
    }
    table + "</tbody></table></div>"
}

/// Big figures with their names.
pub fn figures(figures: &[(&str, String)]) -> String {
    let mut list = String::from(r#"<dl class="figures">"#);
    for (name, value) in figures {
        list += &format!(
            "<div><dt>{}</dt><dd>{}</dd></div>",
            escape(name),
            escape(value)
        );
    }
    list + "</dl>"
}

/// A paragraph of text.
pub fn note(text: &str) -> String {
    format!("<p>{}</p>", escape(text))
}

/// A paragraph that must not be overlooked.
pub fn warning(text: &str) -> String {
    format!(r#"<p class="warning">{}</p>"#, escape(text))
}
