//! One section of a header: what one source file of the C library declares.

use cbindgen::{Builder, Config};

use crate::comment;

/// The longest line of a header.
pub(crate) const LINE_LEN: usize = 100;

/// A section.
pub(crate) struct Section {
    /// The name of the source file, without `.rs`.
    pub(crate) source: &'static str,
    /// Macros that come first, written by hand.
    bounds: Option<&'static str>,
    /// Macros that come after the types, written by hand.
    initialiser: Option<&'static str>,
    /// The same, written from a table.
    table: Option<fn() -> String>,
}

impl Section {
    pub(crate) const fn new(source: &'static str) -> Self {
        Self {
            source,
            bounds: None,
            initialiser: None,
            table: None,
        }
    }

    /// With how much room is enough for the functions.
    pub(crate) const fn with_bounds(mut self, bounds: &'static str) -> Self {
        self.bounds = Some(bounds);
        self
    }

    /// With how a struct begins.
    pub(crate) const fn with_initialiser(mut self, initialiser: &'static str) -> Self {
        self.initialiser = Some(initialiser);
        self
    }

    pub(crate) const fn with_table(mut self, table: fn() -> String) -> Self {
        self.table = Some(table);
        self
    }

    pub(crate) fn write(&self) -> String {
        let mut text = comment::banner(&comment::of_source(self.source));
        if let Some(bounds) = self.bounds {
            text += bounds;
            text.push('\n');
        }
        let declarations = self.declarations();
        let (types, functions) = declarations.split_at(first_function(&declarations));
        text += types;
        if let Some(initialiser) = self.initialiser {
            text += initialiser;
            text.push('\n');
        }
        if let Some(table) = self.table {
            text += &table();
        }
        text + functions
    }

    fn declarations(&self) -> String {
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/cbindgen.toml");
        let bindings = Builder::new()
            .with_config(Config::from_file(config).expect("the configuration of cbindgen"))
            .with_src(comment::source_path(self.source))
            .generate()
            .expect("a source file that cbindgen understands");
        let mut code = Vec::new();
        bindings.write(&mut code);
        let code = String::from_utf8(code).expect("a header in UTF-8");
        let mut code = code.trim().to_owned() + "\n\n";
        if self.source == "unwrap" {
            // An array as the parameter of a function pointer, which cbindgen does not write.
            code = code.replace("uint8_t *unwrapped", "uint8_t unwrapped[32]");
        }
        tidy(&code)
    }
}

/// Where the comment of the first function begins; the end if there is no function.
fn first_function(code: &str) -> usize {
    let types = code.split_once("LIBSEAL_API").map(|(types, _)| types);
    types
        .and_then(|types| types.rfind("/**"))
        .unwrap_or(code.len())
}

/// Formats the code as a person would: short comments and parameters on one line, types by their plain
/// names, and no empty line where cbindgen took its instructions out of a comment.
fn tidy(code: &str) -> String {
    let code = code.replace("\n *\n */", "\n */");
    let code = code.replace(
        "LIBSEAL_API\nLIBSEAL_NODISCARD",
        "LIBSEAL_API LIBSEAL_NODISCARD",
    );
    let lines: Vec<String> = code.lines().map(plain_types).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut tidy = String::new();
    let mut rest = lines.as_slice();
    while let [line, after @ ..] = rest {
        let (text, after) = short_comment(rest)
            .or_else(|| parameters(rest))
            .unwrap_or_else(|| ((*line).to_owned(), after));
        (rest, tidy) = (after, tidy + &text);
        tidy.push('\n');
    }
    tidy
}

/// A list of parameters that cbindgen put on a line each, and the lines after it.
fn parameters<'a>(lines: &'a [&'a str]) -> Option<(String, &'a [&'a str])> {
    let (first, _) = lines.split_first()?;
    let is_code = first.starts_with(|c: char| c.is_ascii_alphabetic()) && first.ends_with(',');
    let indent = first.find('(').filter(|_| is_code)? + 1;
    let indent = first.rfind(")(").map_or(indent, |place| place + 2);
    let len = lines.iter().position(|line| line.ends_with(");"))? + 1;
    let (parameters, after) = lines.split_at(len);
    let mut text = String::new();
    let mut line_len = 0;
    for parameter in parameters {
        let parameter = if text.is_empty() {
            parameter
        } else {
            parameter.trim()
        };
        if line_len + 1 + parameter.len() > LINE_LEN {
            text += &format!("\n{}", " ".repeat(indent));
            line_len = indent;
        } else if !text.is_empty() {
            text.push(' ');
            line_len += 1;
        }
        text += parameter;
        line_len += parameter.len();
    }
    Some((text, after))
}

/// A comment that fits on one line, and the lines after it.
fn short_comment<'a>(lines: &'a [&'a str]) -> Option<(String, &'a [&'a str])> {
    let [start, text, end, after @ ..] = lines else {
        return None;
    };
    let is_short = start.trim() == "/**" && end.trim() == "*/" && text.len() < 94;
    let indent = start.strip_suffix("/**").filter(|_| is_short)?;
    let text = text.trim().trim_start_matches("* ");
    Some((format!("{indent}/** {text} */"), after))
}

fn plain_types(line: &str) -> String {
    if line.starts_with("typedef struct") {
        return line.to_owned();
    }
    line.replace("struct libseal_", "libseal_")
}
