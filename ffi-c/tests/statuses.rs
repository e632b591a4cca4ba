//! The headers list every status that a function returns.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this is a test, helpers included"
)]

mod toolchain;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use toolchain::{LIBRARY, c_compiler, root, scratch, static_link_libs, succeed};

type Names = BTreeSet<String>;

/// What any function can return.
const GENERAL: [&str; 3] = ["NULL_POINTER", "INVALID_ARGUMENT", "STRUCT_SIZE"];

/// What takes a fault of the machine, a message of 4 PiB, a fork or the library for firmware.
const NOT_PROVOKED: [(&str, &str); 13] = [
    ("", "NO_THREADS"),
    ("", "SELF_TEST_FAILED"),
    ("", "UNSUPPORTED_ALGORITHM"),
    ("libseal_header_rewrap", "HEADER_TOO_LARGE"),
    ("libseal_header_rewrap", "RANDOM_FAILED"),
    ("libseal_seal", "MESSAGE_TOO_LONG"),
    ("libseal_sealer_finish", "MESSAGE_TOO_LONG"),
    ("libseal_sealing_key_seal", "MESSAGE_TOO_LONG"),
    ("libseal_writer_write", "MESSAGE_TOO_LONG"),
    ("libseal_writer_flush", "MESSAGE_TOO_LONG"),
    ("libseal_writer_finish", "MESSAGE_TOO_LONG"),
    ("libseal_reader_set_pool", "INVALID_STATE"),
    ("libseal_writer_set_pool", "INVALID_STATE"),
];

/// The statuses that the comment of each function lists, and that of the envelope.
fn listed() -> BTreeMap<String, Names> {
    let mut comments = BTreeMap::new();
    for name in ["libseal_seal.h", "libseal_unseal.h", "libseal_stream.h"] {
        let header = fs::read_to_string(root().join("include").join(name)).unwrap();
        for part in header.split("/**").skip(1) {
            let (comment, code) = part.split_once("*/\n").expect("a comment ends");
            let function = code
                .strip_prefix("LIBSEAL_API")
                .and_then(|code| code.split_once("\nlibseal_status ")?.1.split_once('('));
            if let Some((function, _)) = function {
                let returns = comment.split_once("@return").expect(function).1;
                comments.insert(function.to_owned(), returns.to_owned());
            } else if code.starts_with("typedef struct libseal_envelope ") {
                comments.insert("libseal_envelope".to_owned(), comment.to_owned());
            }
        }
    }
    let names = comments.keys();
    let lists = names.map(|name| (name.clone(), statuses_in(&comments[name], &comments)));
    lists.collect()
}

/// Those that a list names, and those of the functions that it refers to.
fn statuses_in(list: &str, comments: &BTreeMap<String, String>) -> Names {
    let list = list.replace(" * ", " ");
    let words = list.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let mut names: Names = words
        .filter_map(|word| match word {
            "LIBSEAL_OK" => Some("OK"),
            "LIBSEAL_NEED_KEY" => Some("NEED_KEY"),
            word => word.strip_prefix("LIBSEAL_ERR_"),
        })
        .map(str::to_owned)
        .collect();
    let words: Vec<&str> = list.split_whitespace().collect();
    for pair in words.windows(2) {
        let other = pair[1].trim_end_matches(['(', ')', ',', '.', ';']);
        let refers = ["as", "what"].contains(&pair[0]) && comments.contains_key(other);
        if refers {
            names.extend(statuses_in(&comments[other], comments));
        }
    }
    names
}

/// The statuses that each function has returned.
fn returned() -> BTreeMap<String, Names> {
    let folder = scratch("returned-statuses");
    let (program, tests) = (folder.join("statuses"), root().join("tests/c"));
    let sources = ["statuses.c", "support.c", "unseal.c", "complete.c"];
    succeed(
        c_compiler()
            .args(["-std=c99", "-g", "-o"])
            .arg(&program)
            .args(sources.map(|source| tests.join(source)))
            .arg(LIBRARY.join("libseal.a"))
            .args(static_link_libs()),
    );
    let output = succeed(Command::new(program).arg(root().join("tests/vectors")));
    let mut returned: BTreeMap<String, Names> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (function, status) = line.split_once(' ').unwrap();
        let statuses = returned.entry(function.to_owned()).or_default();
        statuses.insert(status.to_owned());
    }
    returned
}

#[test]
fn headers_list_what_functions_return_and_no_more() {
    let (listed, returned) = (listed(), returned());
    let mut faults = Vec::new();
    for (function, listed) in &listed {
        if function == "libseal_envelope" {
            continue;
        }
        let Some(returned) = returned.get(function) else {
            faults.push(format!("{function} was not called"));
            continue;
        };
        for status in returned.difference(listed) {
            if !GENERAL.contains(&status.as_str()) {
                faults.push(format!("{function} returned {status}"));
            }
        }
        for status in listed.difference(returned) {
            let is_exempt =
                |(of, known): &(&str, &str)| status == known && (of.is_empty() || of == function);
            if !NOT_PROVOKED.iter().any(is_exempt) && !GENERAL.contains(&status.as_str()) {
                faults.push(format!("{function} never returned {status}"));
            }
        }
    }
    assert!(listed.len() > 30);
    assert!(faults.is_empty(), "{faults:#?}");
}
