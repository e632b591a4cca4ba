//! `include/libseal.h` is what the sources say.
//!
//! cbindgen writes all types before all functions. The header follows the life of a message instead,
//! so each source file becomes a section, and the sections are put together here.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this is a test, helpers included"
)]

use std::{env, fs, path::Path};

use libseal::ErrorKind;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");
const HEADER: &str = "../include/libseal.h";

/// Source files in the order of the header, each with what cbindgen cannot write.
const SECTIONS: &[(&str, Option<&str>)] = &[
    ("status", None),
    ("version", None),
    ("public_key", None),
    ("recipient", None),
    ("context", None),
    ("random", None),
    ("seal_params", None),
    ("seal", None),
    ("sealer", Some(include_str!("../header/sealer.h"))),
    ("sealing_key", Some(include_str!("../header/sealing_key.h"))),
    ("self_test", None),
];
/// Those that come with the feature `unseal`.
const UNSEAL_SECTIONS: &[(&str, Option<&str>)] = &[
    ("wrapped_key", None),
    ("header", None),
    ("unwrap", None),
    ("unseal", None),
    ("unsealer", Some(include_str!("../header/unsealer.h"))),
];

#[test]
fn header_is_fresh() {
    let header = header();
    let path = Path::new(CRATE).join(HEADER);
    if env::var_os("LIBSEAL_UPDATE_HEADER").is_some() {
        fs::write(&path, &header).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == header,
        "include/libseal.h is stale: LIBSEAL_UPDATE_HEADER=1 cargo test -p libseal-c --test header"
    );
}

#[test]
fn statuses_are_the_error_kinds() {
    let header = header();
    let defined: Vec<(&str, &str)> = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define LIBSEAL_ERR_")?.split_once(' '))
        .collect();
    for kind in ErrorKind::ALL {
        let code = kind.code().to_string();
        assert!(defined.contains(&(kind.name(), &code)), "{}", kind.name());
    }
    const OWN: [(&str, &str); 4] = [
        ("NULL_POINTER", "103"),
        ("STORAGE_TOO_SMALL", "104"),
        ("INVALID_UTF8", "105"),
        ("INVALID_ARGUMENT", "106"),
    ];
    assert!(OWN.iter().all(|own| defined.contains(own)));
    assert_eq!(defined.len(), ErrorKind::ALL.len() + OWN.len());
}

/// The comment of a status in the header is the text that the library gives for it.
#[test]
fn comments_of_statuses_are_their_texts() {
    let header = header();
    for kind in ErrorKind::ALL {
        let define = format!("#define LIBSEAL_ERR_{} ", kind.name());
        let before = header.split(&define).next().unwrap();
        let comment = before.rsplit("/**").next().unwrap().replace(" * ", " ");
        let comment = comment.replace("*/", "");
        let words: Vec<&str> = comment.split_whitespace().collect();
        let comment = words.join(" ");
        let (first, rest) = comment.split_at(1);
        let comment = first.to_lowercase() + rest.trim_end_matches('.');
        let (first, rest) = kind.message().split_at(1);
        assert_eq!(comment, first.to_lowercase() + rest);
    }
}

#[test]
fn every_function_is_documented() {
    let header = header();
    let mut functions = 0;
    for (comment, code) in header
        .split("/**")
        .filter_map(|part| part.split_once("*/\n"))
    {
        if code.starts_with("LIBSEAL_API") {
            functions += 1;
            let lists_statuses = comment.contains("@return");
            assert_eq!(code.contains("\nlibseal_status "), lists_statuses, "{code}");
        }
        let words = comment.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for status in words.filter(|word| word.starts_with("LIBSEAL_ERR_") && word.len() > 12) {
            assert!(header.contains(&format!("#define {status} ")), "{status}");
        }
    }
    assert_eq!(functions, header.matches("\nLIBSEAL_API").count());
}

/// `LIBSEAL_SEAL_ONLY` hides what the feature `unseal` adds.
#[test]
fn unseal_sections_are_those_of_the_feature() {
    let source = fs::read_to_string(Path::new(CRATE).join("src/lib.rs")).unwrap();
    let modules = source
        .split("#[cfg(feature = \"unseal\")]\npub mod ")
        .skip(1);
    let mut modules: Vec<&str> = modules
        .map(|rest| rest.split(';').next().unwrap())
        .collect();
    let mut sections: Vec<&str> = UNSEAL_SECTIONS.iter().map(|(name, _)| *name).collect();
    modules.sort_unstable();
    sections.sort_unstable();
    assert_eq!(modules, sections);
}

fn header() -> String {
    let mut header = comment(&module_comment("lib"));
    header +=
        "#ifndef LIBSEAL_H\n#define LIBSEAL_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n";
    header += include_str!("../header/attributes.h");
    header += "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
    for section in SECTIONS {
        header += &self::section(section);
    }
    header += "/* A library that only seals, for a device without a heap, ends here. */\n";
    header += "#ifndef LIBSEAL_SEAL_ONLY\n\n";
    for section in UNSEAL_SECTIONS {
        header += &self::section(section);
    }
    header += "#endif /* LIBSEAL_SEAL_ONLY */\n\n#ifdef __cplusplus\n}\n#endif\n\n";
    header += "#endif /* LIBSEAL_H */\n";
    header
}

fn section((name, extra): &(&str, Option<&str>)) -> String {
    let mut section = comment(&banner(&module_comment(name)));
    if *name == "version" {
        section += &version_macros();
    }
    section += &extra.map_or(String::new(), |extra| format!("{extra}\n"));
    section += &cbindgen(name);
    section
}

fn cbindgen(name: &str) -> String {
    let config = cbindgen::Config::from_file(Path::new(CRATE).join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(Path::new(CRATE).join(format!("src/{name}.rs")))
        .generate()
        .unwrap();
    let mut code = Vec::new();
    bindings.write(&mut code);
    let code = String::from_utf8(code).unwrap();
    let code = code.trim_start();
    let code = match name {
        // An array as the parameter of a function pointer, which cbindgen does not write.
        "unwrap" => code.replace("uint8_t *data_key", "uint8_t data_key[32]"),
        _ => code.to_owned(),
    };
    tidy(&format!("{}\n\n", code.trim_end()))
}

/// As a person would set it: short comments on one line, types by
/// their plain names, and no line for the instructions to cbindgen
/// that it takes out of comments.
fn tidy(code: &str) -> String {
    let code = code.replace("\n *\n */", "\n */");
    let code = code.replace("#if defined(LIBSEAL_UNSEAL)", "#ifndef LIBSEAL_SEAL_ONLY");
    // Of a member that only one library has, cbindgen leaves the semicolon to both.
    let code = code.replace("\n#endif\n    ;", ";\n#endif");
    let code = code.replace(
        "LIBSEAL_API\nLIBSEAL_NODISCARD",
        "LIBSEAL_API LIBSEAL_NODISCARD",
    );
    let lines: Vec<&str> = code.lines().collect();
    let mut tidy = String::new();
    let mut rest = lines.as_slice();
    while let [line, after @ ..] = rest {
        let indent = &line[..line.len() - line.trim_start().len()];
        match after {
            [text, end, after @ ..]
                if line.trim() == "/**" && end.trim() == "*/" && text.len() < 94 =>
            {
                let text = text.trim().trim_start_matches("* ");
                tidy += &format!("{indent}/** {text} */\n");
                rest = after;
            }
            _ if line.starts_with("typedef struct") => {
                tidy += line;
                tidy.push('\n');
                rest = after;
            }
            _ => {
                tidy += &line.replace("struct libseal_", "libseal_");
                tidy.push('\n');
                rest = after;
            }
        }
    }
    tidy
}

fn version_macros() -> String {
    let mut macros = String::new();
    for (name, number) in [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ] {
        macros += &format!("#define LIBSEAL_VERSION_{name} {number}\n");
    }
    macros += &format!(
        "#define LIBSEAL_VERSION \"{}\"\n\n",
        env!("CARGO_PKG_VERSION")
    );
    macros
}

/// The `//!` lines that a source file begins with.
fn module_comment(name: &str) -> Vec<String> {
    let source = fs::read_to_string(Path::new(CRATE).join(format!("src/{name}.rs"))).unwrap();
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned())
        .collect()
}

/// Makes a heading of the first line.
fn banner(lines: &[String]) -> Vec<String> {
    let title = lines[0].trim_end_matches('.');
    let rule = "-".repeat(96 - title.len());
    let mut lines = lines.to_vec();
    lines[0] = format!("{title} {rule}");
    lines
}

fn comment(lines: &[String]) -> String {
    if let [line] = lines {
        return format!("/* {} */\n\n", line.get(..94).unwrap_or(line));
    }
    let mut comment = String::from("/*\n");
    for line in lines {
        comment += format!(" * {line}").trim_end();
        comment.push('\n');
    }
    comment + " */\n\n"
}
