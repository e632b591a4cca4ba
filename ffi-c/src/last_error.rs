//! Last error.

use core::ffi::c_char;
use std::{cell::RefCell, ffi::CString};

use crate::{
    boundary::failure::Failure,
    status::{libseal_status, status_text},
};

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// What went wrong in the last call of this thread that failed, in English: as libseal_status_text(), or
/// more, such as the argument that is NULL, the pair of the encryption context that is missing, the
/// recipients of the message, or the value that a callback returned. "" if none has failed. Never NULL.
///
/// Of the functions that return a libseal_status, each that fails replaces the text; one that returns
/// LIBSEAL_OK or LIBSEAL_NEED_KEY leaves it as it is. So call this after an error, on the same thread, and
/// copy what you keep: the text is valid until the next error on this thread, or its end. It contains no
/// secret. It may contain what strangers wrote into a message, shortened and with escapes for anything
/// but printable characters.
///
/// Only the complete library has it.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn libseal_last_error() -> *const c_char {
    // No destructor has run: this is a call of the thread.
    let text = LAST.try_with(|last| last.borrow().as_ptr());
    text.unwrap_or(c"".as_ptr())
}

/// Keeps the text of a failure.
pub(crate) fn keep(failure: Failure) -> libseal_status {
    let status = failure.status();
    let text = match failure.into_text() {
        Some(text) => CString::new(text.replace('\0', "\\0")).unwrap_or_default(),
        None => status_text(status).to_owned(),
    };
    // A thread that is at its end has no one who could ask.
    let _ = LAST.try_with(|last| last.replace(text));
    status
}
