//! The headers in `include/` are what the sources say.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this is a test, helpers included"
)]

mod toolchain;

use std::{collections::BTreeSet, fmt::Write, fs, process::Command};

use libseal::ErrorKind;
use toolchain::{LIBRARY, c_compiler, root, scratch, static_link_libs, succeed};

fn stored(name: &str) -> String {
    fs::read_to_string(root().join("include").join(name)).unwrap()
}

#[test]
fn headers_are_fresh() {
    let mut names = BTreeSet::new();
    for header in libseal_header::headers() {
        assert!(
            stored(header.name) == header.text,
            "include/{} is stale: make header",
            header.name
        );
        names.insert(header.name.to_owned());
    }
    let files = fs::read_dir(root().join("include")).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(files.collect::<BTreeSet<_>>(), names);
}

/// Name and number of every status in the header.
fn statuses(header: &str) -> Vec<(&str, &str)> {
    header
        .lines()
        .filter_map(|line| line.strip_prefix("#define LIBSEAL_")?.split_once(' '))
        .filter(|(name, _)| name.starts_with("ERR_") || ["OK", "NEED_KEY"].contains(name))
        .collect()
}

#[test]
fn statuses_are_the_error_kinds_with_their_texts() {
    let header = stored("libseal_seal.h");
    for kind in ErrorKind::ALL {
        let define = format!("#define LIBSEAL_ERR_{} {}\n", kind.name(), kind.code());
        let before = header.split_once(&define).expect(&define).0;
        let comment = before.rsplit("/**").next().unwrap();
        let comment = comment.replace(" * ", " ").replace("*/", "");
        let words: Vec<&str> = comment.split_whitespace().collect();
        let text = words.join(" ").to_lowercase();
        assert_eq!(text, kind.message().to_lowercase() + ".");
    }
}

/// The compiled library knows each status by the name in the header, and knows no other.
#[test]
fn statuses_are_those_of_the_library() {
    let header = stored("libseal_seal.h");
    let mut checks = String::new();
    for (name, number) in statuses(&header) {
        let short = name.strip_prefix("ERR_").unwrap_or(name);
        writeln!(
            checks,
            "if (LIBSEAL_{name} != {number} || \
             strcmp(libseal_status_name({number}), \"{short}\") != 0) return 1;\nknown++;"
        )
        .unwrap();
    }
    let code = format!(
        "#include <libseal_seal.h>\n#include <string.h>\nint main(void)\n{{\nint known = 0;\n\
         {checks}for (libseal_status status = 0; status < 100000; status++)\n\
         known -= strcmp(libseal_status_name(status), \"UNKNOWN\") != 0;\n\
         return known == 0 ? 0 : 2;\n}}\n"
    );
    let folder = scratch("statuses");
    let (source, program) = (folder.join("statuses.c"), folder.join("statuses"));
    fs::write(&source, code).unwrap();
    succeed(
        c_compiler()
            .args(["-std=c99", "-o"])
            .arg(&program)
            .arg(&source)
            .arg(LIBRARY.join("libseal.a"))
            .args(static_link_libs()),
    );
    succeed(&mut Command::new(program));
}

#[test]
fn every_function_is_documented() {
    let seal = stored("libseal_seal.h");
    for header in [
        &seal,
        &stored("libseal_unseal.h"),
        &stored("libseal_stream.h"),
    ] {
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
                assert!(seal.contains(&format!("#define {status} ")), "{status}");
            }
        }
        assert!(functions > 10);
        assert_eq!(functions, header.matches("\nLIBSEAL_API").count());
    }
}

/// `libseal_unseal.h` and `libseal_stream.h` declare what the feature `unseal` adds.
#[test]
fn headers_are_the_feature() {
    let source = fs::read_to_string(root().join("ffi-c/src/lib.rs")).unwrap();
    let modules = source
        .split("#[cfg(feature = \"unseal\")]\npub mod ")
        .skip(1);
    let modules: BTreeSet<&str> = modules
        .map(|rest| rest.split(';').next().unwrap())
        .collect();
    let sources: BTreeSet<&str> = libseal_header::unseal_sources().into_iter().collect();
    assert_eq!(modules, sources);
}
