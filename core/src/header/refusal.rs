//! Why a message is refused, in words: what is public of it and of the reader, and nothing else.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use super::read::Header;
use crate::{
    error::{Error, ErrorKind},
    recipient::wrapped_key::{WrappedKey, hex},
};

/// How many keys of a reader a text names: as many as a message can have recipients.
const MAX_NAMED: usize = crate::MAX_RECIPIENTS;

/// What `openssl enc` begins a file with.
const OPENSSL_ENC: &[u8] = b"Salted__";

/// The error for `bytes` and `rest` after them. Names the command for files that are not sealed but
/// can be read.
pub(crate) fn not_a_header(kind: ErrorKind, bytes: &[u8], rest: &[u8]) -> Error {
    let beginning = bytes.iter().chain(rest).take(OPENSSL_ENC.len());
    if kind == ErrorKind::NotSealed && beginning.eq(OPENSSL_ENC) {
        let reason = "not a sealed message: `openssl enc` made it, and `libseal import-openssl` \
                      decrypts it";
        return Error::with_reason(kind, reason);
    }
    kind.into()
}

/// Names what was required and what was found.
pub(crate) fn context_mismatch(key: &str, required: Option<&str>, found: Option<&str>) -> Error {
    let reason = match (required, found) {
        (Some(required), Some(found)) => format!(
            "the encryption context has {} = {}, and {} is required",
            quoted(key),
            quoted(found),
            quoted(required)
        ),
        (Some(required), None) => format!(
            "the encryption context has no {}, and {} is required",
            quoted(key),
            quoted(required)
        ),
        (None, _) => format!(
            "the encryption context has no {}, which is required",
            quoted(key)
        ),
    };
    Error::with_reason(ErrorKind::ContextMismatch, reason)
}

/// Names the recipients, and the keys of the unwrapper as far as it knows them.
pub(crate) fn no_matching_recipient(header: &Header, held: &[[u8; 32]]) -> Error {
    let recipients: Vec<_> = header.wrapped_keys().map(|key| recipient(&key)).collect();
    let held = match held {
        [] => "the unwrapper holds none of these".to_owned(),
        held => format!("the unwrapper holds {}", fingerprints(held)),
    };
    let reason = format!("sealed for other keys: {}; {held}", recipients.join(", "));
    Error::with_reason(ErrorKind::NoMatchingRecipient, reason)
}

fn recipient(key: &WrappedKey<'_>) -> String {
    let fingerprint = hex(key.fingerprint());
    let unknown = match key.algorithm() {
        Some(_) => String::new(),
        None => format!(", of kind {}, which this version does not know", key.kind()),
    };
    match key.key_id() {
        "" => format!("{fingerprint}{unknown}"),
        key_id => format!("{} ({fingerprint}{unknown})", quoted(key_id)),
    }
}

fn fingerprints(held: &[[u8; 32]]) -> String {
    let named: Vec<_> = held.iter().take(MAX_NAMED).map(|key| hex(key)).collect();
    let more = match held.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    named.join(", ") + &more
}

/// In quotes, escaped, and not too long, because a stranger may have written it.
fn quoted(text: &str) -> String {
    const MAX_CHARS: usize = 100;
    let beginning: String = text.chars().take(MAX_CHARS).collect();
    let dots = if beginning.len() < text.len() {
        "..."
    } else {
        ""
    };
    format!("{beginning:?}{dots}")
}
