//! Status.

use core::ffi::c_char;

use libseal::ErrorKind;

/// The outcome of a call: LIBSEAL_OK, LIBSEAL_NEED_KEY or one of LIBSEAL_ERR_*.
///
/// 1xx: the call is wrong. 2xx: this is no message that this library can read. 3xx: it is not
/// authentic. 4xx: no data key. 9xx: trouble in the machine. Later versions may have more numbers.
/// Those that no function below lists come up in other languages only.
pub type libseal_status = u32;

/// Success.
pub const LIBSEAL_OK: libseal_status = 0;
/// Not an error: the header is complete, and the data key is wanted.
pub const LIBSEAL_NEED_KEY: libseal_status = 1;

/// Called out of order, after the end, or after an error.
pub const LIBSEAL_ERR_INVALID_STATE: libseal_status = 101;
/// The output buffer is too small; nothing was consumed.
pub const LIBSEAL_ERR_BUFFER_TOO_SMALL: libseal_status = 102;
/// A pointer is NULL that must not be.
pub const LIBSEAL_ERR_NULL_POINTER: libseal_status = 103;
/// The storage is smaller than this library needs; pass its sizeof, and compile with the header of
/// this version.
pub const LIBSEAL_ERR_STORAGE_TOO_SMALL: libseal_status = 104;
/// A text is not valid UTF-8.
pub const LIBSEAL_ERR_INVALID_UTF8: libseal_status = 105;
/// An argument is out of range or misaligned, or input and output overlap.
pub const LIBSEAL_ERR_INVALID_ARGUMENT: libseal_status = 106;

/// Not a public key; give a SubjectPublicKeyInfo in DER or PEM, as KMS GetPublicKey returns it.
pub const LIBSEAL_ERR_NOT_A_PUBLIC_KEY: libseal_status = 110;
/// This is a private key; it does not belong on a sealing device: extract the public key with
/// `openssl pkey -pubout`.
pub const LIBSEAL_ERR_PRIVATE_KEY_GIVEN: libseal_status = 111;
/// This is a certificate; extract its public key with `openssl x509 -pubkey -noout`.
pub const LIBSEAL_ERR_CERTIFICATE_GIVEN: libseal_status = 112;
/// This is a bare PKCS#1 RSAPublicKey; convert it with `openssl rsa -RSAPublicKey_in -pubout`.
pub const LIBSEAL_ERR_PKCS1_PUBLIC_KEY_GIVEN: libseal_status = 113;
/// Not an RSA key; use RSA_2048, RSA_3072 or RSA_4096.
pub const LIBSEAL_ERR_NOT_RSA: libseal_status = 114;
/// The RSA key is shorter than 2048 bits; use 2048, 3072 or 4096.
pub const LIBSEAL_ERR_KEY_TOO_SMALL: libseal_status = 115;
/// The RSA key is longer than 4096 bits; use 2048, 3072 or 4096.
pub const LIBSEAL_ERR_KEY_TOO_LARGE: libseal_status = 116;
/// No KMS holds RSA keys of this size; use 2048, 3072 or 4096 bits.
pub const LIBSEAL_ERR_UNSUPPORTED_KEY_SIZE: libseal_status = 117;
/// Broken RSA key: the modulus must be odd, the exponent odd, at least 3 and below 2^32.
pub const LIBSEAL_ERR_INVALID_RSA_KEY: libseal_status = 118;

/// Not an RSA private key of 2048, 3072 or 4096 bits in PEM (PKCS#8, encrypted or not).
pub const LIBSEAL_ERR_NOT_A_PRIVATE_KEY: libseal_status = 120;
/// The private key is encrypted and the password is missing or wrong.
pub const LIBSEAL_ERR_PRIVATE_KEY_PASSWORD: libseal_status = 121;

/// The encryption context is longer than 8192 bytes when encoded.
pub const LIBSEAL_ERR_CONTEXT_TOO_LONG: libseal_status = 130;
/// A key of the encryption context is empty.
pub const LIBSEAL_ERR_CONTEXT_KEY_EMPTY: libseal_status = 131;
/// A key of the encryption context is given twice.
pub const LIBSEAL_ERR_CONTEXT_KEY_DUPLICATE: libseal_status = 132;
/// Keys of the encryption context that begin with `libseal:` are reserved.
pub const LIBSEAL_ERR_CONTEXT_KEY_RESERVED: libseal_status = 133;

/// The key id is longer than 2048 bytes.
pub const LIBSEAL_ERR_KEY_ID_TOO_LONG: libseal_status = 140;

/// No recipient; give at least one public key.
pub const LIBSEAL_ERR_NO_RECIPIENTS: libseal_status = 150;
/// Too many recipients; a message has at most 16.
pub const LIBSEAL_ERR_TOO_MANY_RECIPIENTS: libseal_status = 151;

/// A message holds less than 4 PiB, and no more than was announced when it was started.
pub const LIBSEAL_ERR_MESSAGE_TOO_LONG: libseal_status = 160;

/// The limits of the sealing key allow no more messages, bytes or time; make a new one.
pub const LIBSEAL_ERR_SEALING_KEY_EXHAUSTED: libseal_status = 170;

/// Not a sealed message: it does not begin with `SEAL`.
pub const LIBSEAL_ERR_NOT_SEALED: libseal_status = 200;
/// Sealed in a version of the format that this library does not know; upgrade it.
pub const LIBSEAL_ERR_UNSUPPORTED_VERSION: libseal_status = 201;
/// Sealed with a cipher suite that this library does not know; upgrade it.
pub const LIBSEAL_ERR_UNSUPPORTED_SUITE: libseal_status = 202;
/// The header breaks the rules of the format.
pub const LIBSEAL_ERR_HEADER_MALFORMED: libseal_status = 203;
/// The header is longer than 64 KiB.
pub const LIBSEAL_ERR_HEADER_TOO_LARGE: libseal_status = 204;

/// The message is empty: there is nothing to unseal.
pub const LIBSEAL_ERR_EMPTY_MESSAGE: libseal_status = 210;
/// The message is cut short: its end is missing.
pub const LIBSEAL_ERR_TRUNCATED: libseal_status = 211;

/// Not authentic: altered, cut inside its last chunk, or unwrapped with the wrong data key.
pub const LIBSEAL_ERR_AUTHENTICATION_FAILED: libseal_status = 300;
/// A required pair is missing from the encryption context or has another value.
pub const LIBSEAL_ERR_CONTEXT_MISMATCH: libseal_status = 301;

/// Sealed for other keys: the unwrapper holds none of the recipients.
pub const LIBSEAL_ERR_NO_MATCHING_RECIPIENT: libseal_status = 400;
/// The data key could not be unwrapped.
pub const LIBSEAL_ERR_UNWRAP_FAILED: libseal_status = 401;
/// The unwrapped data key is not 32 bytes long.
pub const LIBSEAL_ERR_DATA_KEY_LENGTH: libseal_status = 402;

/// Internal error: please report it.
pub const LIBSEAL_ERR_INTERNAL: libseal_status = 900;
/// The source of random bytes failed or gave the same bytes again; nothing was sealed.
pub const LIBSEAL_ERR_RANDOM_FAILED: libseal_status = 901;
/// A known answer came out wrong; nothing that this machine seals can be trusted.
pub const LIBSEAL_ERR_SELF_TEST_FAILED: libseal_status = 902;

/// One sentence in English that says what a status means and what to do. Never NULL.
///
/// Borrowed for as long as the library is loaded.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn libseal_status_text(status: libseal_status) -> *const c_char {
    texts(status).map_or(c"unknown status".as_ptr(), |(_, text)| text)
}

/// The name of a status without LIBSEAL_ERR_ or LIBSEAL_, such as "TRUNCATED". Never NULL.
///
/// Borrowed for as long as the library is loaded.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn libseal_status_name(status: libseal_status) -> *const c_char {
    texts(status).map_or(c"UNKNOWN".as_ptr(), |(name, _)| name)
}

/// What the core knows nothing of.
const OWN: [(libseal_status, &str, &str); 6] = [
    (LIBSEAL_OK, "OK", "success"),
    (
        LIBSEAL_NEED_KEY,
        "NEED_KEY",
        "not an error: the header is complete, and the data key is wanted",
    ),
    (
        LIBSEAL_ERR_NULL_POINTER,
        "NULL_POINTER",
        "a pointer is NULL that must not be",
    ),
    (
        LIBSEAL_ERR_STORAGE_TOO_SMALL,
        "STORAGE_TOO_SMALL",
        "the storage is smaller than this library needs; pass its sizeof, and compile with the header of this version",
    ),
    (
        LIBSEAL_ERR_INVALID_UTF8,
        "INVALID_UTF8",
        "a text is not valid UTF-8",
    ),
    (
        LIBSEAL_ERR_INVALID_ARGUMENT,
        "INVALID_ARGUMENT",
        "an argument is out of range or misaligned, or input and output overlap",
    ),
];

const COUNT: usize = OWN.len() + ErrorKind::ALL.len();

#[allow(clippy::indexing_slicing, reason = "runs at compile time")]
const fn entry(index: usize) -> (libseal_status, &'static str, &'static str) {
    if index < OWN.len() {
        return OWN[index];
    }
    let kind = ErrorKind::ALL[index - OWN.len()];
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

/// Names and texts, each with the NUL that C wants and Rust does not have.
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
        for (status, name, text) in OWN {
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
