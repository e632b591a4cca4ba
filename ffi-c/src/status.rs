//! Status.

#[cfg(feature = "unseal")]
use core::ffi::CStr;
use core::ffi::c_char;

use libseal::ErrorKind;

use crate::boundary::own_status::OWN_STATUSES;

/// The outcome of a call: LIBSEAL_OK, LIBSEAL_NEED_KEY or one of LIBSEAL_ERR_*.
///
/// 1xx: the call is wrong. 2xx: the input is not a message that this library can read. 3xx: the message
/// is not authentic. 4xx: no data key. 9xx: the machine failed. Later versions may add numbers. Some are
/// only for other languages: no comment here lists them.
pub type libseal_status = u32;

/// One sentence in English that says what a status means and what to do. Never NULL.
///
/// Valid for as long as the library is loaded.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn libseal_status_text(status: libseal_status) -> *const c_char {
    texts(status).map_or(c"unknown status".as_ptr(), |(_, text)| text)
}

/// The name of a status without LIBSEAL_ERR_ or LIBSEAL_, such as "TRUNCATED". Never NULL.
///
/// Valid for as long as the library is loaded.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn libseal_status_name(status: libseal_status) -> *const c_char {
    texts(status).map_or(c"UNKNOWN".as_ptr(), |(name, _)| name)
}

/// The same, for this library.
#[cfg(feature = "unseal")]
pub(crate) fn status_text(status: libseal_status) -> &'static CStr {
    let text = libseal_status_text(status);
    // SAFETY: a text that ends with a NUL and stays as long as the library.
    unsafe { CStr::from_ptr(text) }
}

const COUNT: usize = OWN_STATUSES.len() + ErrorKind::ALL.len();

#[allow(clippy::indexing_slicing, reason = "runs at compile time")]
const fn entry(index: usize) -> (libseal_status, &'static str, &'static str) {
    if index < OWN_STATUSES.len() {
        return OWN_STATUSES[index];
    }
    let kind = ErrorKind::ALL[index - OWN_STATUSES.len()];
    (kind.code(), kind.name(), kind.message())
}

/// Every status with the positions of its name and its text in [`TEXTS`].
#[allow(clippy::indexing_slicing, reason = "runs at compile time")]
const INDEX: [(libseal_status, usize, usize); COUNT] = {
    let mut index = [(0, 0, 0); COUNT];
    let mut position = 0;
    let mut i = 0;
    while i < COUNT {
        let (status, name, text) = entry(i);
        index[i] = (status, position, position + name.len() + 1);
        position += name.len() + 1 + text.len() + 1;
        i += 1;
    }
    index
};

const TEXTS_LEN: usize = {
    let (_, _, text) = entry(COUNT - 1);
    INDEX[COUNT - 1].2 + text.len() + 1
};

/// Names and texts, each with the NUL that ends a string in C.
#[allow(clippy::indexing_slicing, reason = "runs at compile time")]
static TEXTS: [u8; TEXTS_LEN] = {
    const fn put(texts: &mut [u8; TEXTS_LEN], position: usize, text: &str) {
        let (_, room) = texts.split_at_mut(position);
        let (room, _) = room.split_at_mut(text.len());
        room.copy_from_slice(text.as_bytes());
    }
    let mut texts = [0; TEXTS_LEN];
    let mut i = 0;
    while i < COUNT {
        let (_, name, text) = entry(i);
        put(&mut texts, INDEX[i].1, name);
        put(&mut texts, INDEX[i].2, text);
        i += 1;
    }
    texts
};

fn texts(status: libseal_status) -> Option<(*const c_char, *const c_char)> {
    let (_, name, text) = INDEX.iter().find(|(known, _, _)| *known == status)?;
    let at = |position: &usize| TEXTS.get(*position..).map(|text| text.as_ptr().cast());
    Some((at(name)?, at(text)?))
}

#[cfg(test)]
mod tests {
    use core::ffi::CStr;

    use super::*;

    fn read(text: *const c_char) -> &'static str {
        // SAFETY: the functions under test return text that ends with a NUL.
        unsafe { CStr::from_ptr(text) }.to_str().unwrap()
    }

    #[test]
    fn every_status_has_its_name_and_text() {
        for kind in ErrorKind::ALL {
            assert_eq!(read(libseal_status_name(kind.code())), kind.name());
            assert_eq!(read(libseal_status_text(kind.code())), kind.message());
        }
        for &(status, name, text) in OWN_STATUSES {
            assert_eq!(read(libseal_status_name(status)), name);
            assert_eq!(read(libseal_status_text(status)), text);
        }
        assert_eq!(read(libseal_status_name(7)), "UNKNOWN");
        assert_eq!(read(libseal_status_text(u32::MAX)), "unknown status");
    }

    #[test]
    fn no_number_is_used_twice() {
        let mut numbers = INDEX.map(|(status, _, _)| status);
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
