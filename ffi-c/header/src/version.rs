//! The macros of the version, which is the one in `Cargo.toml`.

pub(crate) fn macros() -> String {
    format!(
        "#define LIBSEAL_VERSION_MAJOR {}\n\
         #define LIBSEAL_VERSION_MINOR {}\n\
         #define LIBSEAL_VERSION_PATCH {}\n\
         #define LIBSEAL_VERSION \"{}\"\n\n\
         /** Grows with each version; the preprocessor can compare it. */\n\
         #define LIBSEAL_VERSION_NUMBER \\\n    \
         (LIBSEAL_VERSION_MAJOR << 16 | LIBSEAL_VERSION_MINOR << 8 | LIBSEAL_VERSION_PATCH)\n\n",
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
        env!("CARGO_PKG_VERSION"),
    )
}
