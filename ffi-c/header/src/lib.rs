//! The C headers of libseal, written from the sources of the C library (`ffi-c/src`).
//!
//! cbindgen writes all types before all functions. The headers follow the life of a message instead:
//! each source file becomes a section, and the sections are put together here.

#![allow(
    clippy::expect_used,
    reason = "a tool for developers ends when a source is not as it expects"
)]

mod comment;
#[allow(dead_code, reason = "the constants are for the C library")]
mod own_status;
mod section;
mod status;
mod version;

use section::Section;

/// The folder of the headers, with a slash at its end.
pub const INCLUDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../include/");

/// A header.
#[derive(Debug)]
#[non_exhaustive]
pub struct Header {
    /// The name of its file.
    pub name: &'static str,
    /// All that is in it.
    pub text: String,
}

/// The text of a file in `snippets`.
macro_rules! snippet {
    ($name:literal) => {
        include_str!(concat!("../snippets/", $name, ".h"))
    };
}

/// What every library has, the one for firmware included.
const SEAL: &[Section] = &[
    Section::new("status").with_table(status::macros),
    Section::new("version").with_table(version::macros),
    Section::new("rsa_public_key"),
    Section::new("public_key"),
    Section::new("recipient").with_initialiser(snippet!("recipient")),
    Section::new("context").with_initialiser(snippet!("context")),
    Section::new("random").with_initialiser(snippet!("random")),
    Section::new("envelope").with_initialiser(snippet!("envelope")),
    Section::new("seal"),
    Section::new("sealer").with_bounds(snippet!("sealer")),
    Section::new("sealing_key")
        .with_bounds(snippet!("sealing_key"))
        .with_initialiser(snippet!("limits")),
    Section::new("self_test"),
];

/// What comes with the feature `unseal` of the C library.
const UNSEAL: &[Section] = &[
    Section::new("last_error"),
    Section::new("wrapped_key").with_initialiser(snippet!("wrapped_key")),
    Section::new("header"),
    Section::new("unwrap"),
    Section::new("unseal"),
    Section::new("unsealer").with_bounds(snippet!("unsealer")),
];

/// What comes with it and takes an operating system.
const STREAM: &[Section] = &[
    Section::new("pool"),
    Section::new("source").with_initialiser(snippet!("source")),
    Section::new("reader"),
    Section::new("sink").with_initialiser(snippet!("sink")),
    Section::new("writer"),
    Section::new("salvage"),
];

/// The source files whose functions need the feature `unseal`.
#[must_use]
pub fn unseal_sources() -> Vec<&'static str> {
    let sections = UNSEAL.iter().chain(STREAM);
    sections.map(|section| section.source).collect()
}

/// Every header, from the sources as they are now.
#[must_use]
pub fn headers() -> [Header; 4] {
    [all(), seal(), unseal(), stream()]
}

fn all() -> Header {
    let includes = "#include \"libseal_seal.h\"\n#include \"libseal_stream.h\"\n\
                    #include \"libseal_unseal.h\"\n\n";
    Header {
        name: "libseal.h",
        text: snippet!("libseal").to_owned() + &guarded("LIBSEAL_H", includes),
    }
}

fn seal() -> Header {
    let includes = "#include <stddef.h>\n#include <stdint.h>\n\n";
    let (attributes, stack) = (snippet!("attributes"), snippet!("stack"));
    let body = format!("{includes}{attributes}\n{stack}\n{}", declarations(SEAL));
    Header {
        name: "libseal_seal.h",
        text: comment::block(&comment::of_source("lib")) + &guarded("LIBSEAL_SEAL_H", &body),
    }
}

fn unseal() -> Header {
    let body = "#include \"libseal_seal.h\"\n\n".to_owned() + &declarations(UNSEAL);
    Header {
        name: "libseal_unseal.h",
        text: snippet!("libseal_unseal").to_owned() + &guarded("LIBSEAL_UNSEAL_H", &body),
    }
}

fn stream() -> Header {
    let body = "#include \"libseal_unseal.h\"\n\n".to_owned() + &declarations(STREAM);
    Header {
        name: "libseal_stream.h",
        text: snippet!("libseal_stream").to_owned() + &guarded("LIBSEAL_STREAM_H", &body),
    }
}

fn guarded(name: &str, body: &str) -> String {
    format!("#ifndef {name}\n#define {name}\n\n{body}#endif /* {name} */\n")
}

/// The sections, in C also for C++.
fn declarations(sections: &[Section]) -> String {
    let sections: String = sections.iter().map(Section::write).collect();
    let open = "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
    let close = "#ifdef __cplusplus\n}\n#endif\n\n";
    [open, &sections, close].concat()
}
