//! Columns for people.

/// Lines of columns, each as wide as its widest cell; control characters are spelt out.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let cell = |text: &str| super::visible(text).replace(['\n', '\t'], " ");
    let head = headings.map(str::to_owned);
    let lines: Vec<[String; N]> = std::iter::once(&head)
        .chain(rows)
        .map(|row| row.each_ref().map(|text| cell(text)))
        .collect();
    let mut widths = [0; N];
    for line in &lines {
        for (width, text) in widths.iter_mut().zip(line) {
            *width = (*width).max(text.chars().count());
        }
    }
    let padded = |line: &[String; N]| {
        let cells = line
            .iter()
            .zip(widths)
            .map(|(text, width)| format!("{text:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(padded).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [
            ["a".to_owned(), "1".to_owned()],
            ["långt".to_owned(), "2\n3".to_owned()],
        ];
        assert_eq!(
            table(["NAME", "N"], &rows),
            "NAME   N\na      1\nlångt  2 3"
        );
    }
}
