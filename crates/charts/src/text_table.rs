//! Tables as text that other programs read: CSV (RFC 4180) and Markdown (GitHub's tables).

/// A line of CSV with its end. A cell is quoted where it has to be; an empty one is a missing value.
pub fn csv_line<T: AsRef<str>>(cells: impl IntoIterator<Item = T>) -> String {
    let cells = cells.into_iter().map(|cell| {
        let text = cell.as_ref();
        if text.contains(['"', ',', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ') {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    });
    cells.collect::<Vec<_>>().join(",") + "\r\n"
}

/// A table of Markdown; columns of numbers stand at the right.
pub fn markdown(head: &[String], is_number: &[bool], rows: &[Vec<String>]) -> String {
    let mut text = markdown_head(head, is_number);
    rows.iter().for_each(|row| text.push_str(&markdown_line(row)));
    text
}

/// How a table of Markdown begins: its head and the rule below it.
pub fn markdown_head(head: &[String], is_number: &[bool]) -> String {
    let rule = (0..head.len()).map(|at| if is_number.get(at) == Some(&true) { "---:" } else { "---" });
    format!("{}| {} |\n", markdown_line(head), rule.collect::<Vec<_>>().join(" | "))
}

/// A row of a table of Markdown with its end.
pub fn markdown_line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| markdown_cell(cell)).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// A text that ends no cell, begins no line and is no markup of its own.
fn markdown_cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => cell.push_str("<br>"),
            '\r' => {}
            // An escape sequence would steer the terminal that it is shown at.
            steers if steers.is_control() && steers != '\t' => cell.push('\u{fffd}'),
            '<' => cell.push_str("&lt;"),
            '&' => cell.push_str("&amp;"),
            '|' | '\\' | '`' | '*' | '[' | ']' | '~' => cell.extend(['\\', character]),
            // Within a word it emphasizes nothing.
            '_' if cell.is_empty() || cell.ends_with(' ') => cell.push_str("\\_"),
            other => cell.push(other),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::{csv_line, markdown};

    #[test]
    fn what_would_end_a_cell_is_quoted() {
        assert_eq!(csv_line(["a", "1.5", ""]), "a,1.5,\r\n");
        assert_eq!(
            csv_line(["a,b", "say \"x\"", "two\nlines", " led"]),
            "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\" led\"\r\n"
        );
    }

    #[test]
    fn a_table_of_markdown_keeps_its_cells_apart() {
        let own = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let rows = [own(&["a|b", "0.5"]), own(&["x\ny\u{1b}[2J", "<b>*1*</b>"]), own(&["learning_rate", "_x"])];
        assert_eq!(
            markdown(&own(&["run", "loss"]), &[false, true], &rows),
            "| run | loss |\n| --- | ---: |\n| a\\|b | 0.5 |\n| x<br>y\u{fffd}\\[2J | &lt;b>\\*1\\*&lt;/b> |\n| learning_rate | \\_x |\n"
        );
    }
}
