//! One section of a header: what one source file of the C library declares.

use cbindgen::{Builder, Config};

use crate::comment;

/// A section.
pub(crate) struct Section {
    /// The name of the source file, without `.rs`.
    pub(crate) source: &'static str,
    /// Macros that come first, written by hand.
    snippet: Option<&'static str>,
    /// Macros that come after the types, written from a table.
    written: Option<fn() -> String>,
}

impl Section {
    pub(crate) const fn new(source: &'static str) -> Self {
        Self {
            source,
            snippet: None,
            written: None,
        }
    }

    /// With what cbindgen cannot write.
    pub(crate) const fn with_snippet(mut self, snippet: &'static str) -> Self {
        self.snippet = Some(snippet);
        self
    }

    pub(crate) const fn with_written(mut self, written: fn() -> String) -> Self {
        self.written = Some(written);
        self
    }

    pub(crate) fn write(&self) -> String {
        let mut text = comment::banner(&comment::of_source(self.source));
        if let Some(snippet) = self.snippet {
            text += snippet;
            text.push('\n');
        }
        let declarations = self.declarations();
        let (types, functions) = declarations.split_at(first_function(&declarations));
        let written = self.written.map(|written| written()).unwrap_or_default();
        [&text, types, &written, functions].concat()
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
            code = code.replace("uint8_t *data_key", "uint8_t data_key[32]");
        }
        tidy(&code)
    }
}

/// Where the comment of the first function begins.
fn first_function(code: &str) -> usize {
    let types = code.split("LIBSEAL_API").next();
    types
        .and_then(|types| types.rfind("/**"))
        .unwrap_or(code.len())
}

/// Formats the code as a person would: short comments on one line, types by their plain names, and no
/// empty line where cbindgen took its instructions out of a comment.
fn tidy(code: &str) -> String {
    let code = code.replace("\n *\n */", "\n */");
    let code = code.replace(
        "LIBSEAL_API\nLIBSEAL_NODISCARD",
        "LIBSEAL_API LIBSEAL_NODISCARD",
    );
    let lines: Vec<&str> = code.lines().collect();
    let mut tidy = String::new();
    let mut rest = lines.as_slice();
    while let [line, after @ ..] = rest {
        (rest, tidy) = match short_comment(rest) {
            Some((comment, after)) => (after, tidy + &comment),
            None => (after, tidy + &plain_types(line)),
        };
        tidy.push('\n');
    }
    tidy
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
