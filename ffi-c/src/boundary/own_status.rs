//! The statuses that only the C library has. All others are the error kinds of the core.
//!
//! The tool that writes the headers compiles this file as well.

macro_rules! own_statuses {
    ($($constant:ident = $code:literal, $name:literal, $message:literal;)+) => {
        $(#[doc = $message] pub(crate) const $constant: u32 = $code;)+

        /// Number, name and text of each.
        pub(crate) const OWN_STATUSES: &[(u32, &str, &str)] = &[$(($code, $name, $message)),+];
    };
}

own_statuses! {
    LIBSEAL_OK = 0, "OK",
        "success";
    LIBSEAL_NEED_KEY = 1, "NEED_KEY",
        "not an error: the header is complete, and the data key is needed next";
    LIBSEAL_ERR_NULL_POINTER = 103, "NULL_POINTER",
        "a pointer is NULL that must not be";
    LIBSEAL_ERR_STORAGE_TOO_SMALL = 104, "STORAGE_TOO_SMALL",
        "the storage is smaller than this library needs; pass its sizeof, and compile with the header of this version";
    LIBSEAL_ERR_INVALID_UTF8 = 105, "INVALID_UTF8",
        "a text is not valid UTF-8";
    LIBSEAL_ERR_INVALID_ARGUMENT = 106, "INVALID_ARGUMENT",
        "an argument is out of range or misaligned, or input and output overlap";
    LIBSEAL_ERR_STRUCT_SIZE = 107, "STRUCT_SIZE",
        "a struct was not initialised with its macro, or has members that this library does not know";
    LIBSEAL_ERR_NOT_FILLED = 108, "NOT_FILLED",
        "there is no key or sealer in this storage: it was never filled, filling it failed, or it is a copy";
    LIBSEAL_ERR_IO_FAILED = 910, "IO_FAILED",
        "the callback that reads or writes failed; the call can be repeated";
    LIBSEAL_ERR_NO_THREADS = 911, "NO_THREADS",
        "the operating system did not start the threads of a pool";
}
