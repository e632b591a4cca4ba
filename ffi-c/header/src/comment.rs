//! Comments of the headers: the module comments of the sources.

use std::fs;

/// The `//!` lines at the beginning of `src/NAME.rs` of the C library.
pub(crate) fn of_source(name: &str) -> Vec<String> {
    let source = fs::read_to_string(source_path(name)).expect("a source file");
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned())
        .collect()
}

pub(crate) fn source_path(name: &str) -> String {
    format!("{}/../src/{name}.rs", env!("CARGO_MANIFEST_DIR"))
}

/// A comment whose first line is a heading.
pub(crate) fn banner(lines: &[String]) -> String {
    let (title, rest) = lines.split_first().expect("a title");
    let title = title.trim_end_matches('.');
    if rest.is_empty() {
        return format!("/* {title} {} */\n\n", "-".repeat(93 - title.len()));
    }
    let mut lines = lines.to_vec();
    lines.splice(..1, [format!("{title} {}", "-".repeat(96 - title.len()))]);
    block(&lines)
}

/// A comment of several lines.
pub(crate) fn block(lines: &[String]) -> String {
    let mut comment = String::from("/*\n");
    for line in lines {
        comment += format!(" * {line}").trim_end();
        comment.push('\n');
    }
    comment + " */\n\n"
}
