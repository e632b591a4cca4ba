//! Recipients.

use core::ffi::c_char;

use arrayvec::ArrayVec;
use libseal::{ErrorKind, MAX_KEY_ID_LEN, MAX_RECIPIENTS, Recipient, WrapAlgorithm};

use crate::{
    guard::Failure,
    own_status::LIBSEAL_ERR_INVALID_ARGUMENT,
    pointer::{array, text},
    public_key::{libseal_public_key, public_key},
};

/// Most recipients of a message.
pub const LIBSEAL_MAX_RECIPIENTS: usize = 16;
/// Most bytes of a key id.
pub const LIBSEAL_MAX_KEY_ID_LEN: usize = 2048;

/// The KMS algorithm RSAES_OAEP_SHA_256: the default.
pub const LIBSEAL_RSAES_OAEP_SHA_256: u32 = 1;
/// The KMS algorithm RSAES_OAEP_SHA_1: only for a KMS or HSM that supports no other. The library for
/// firmware refuses it with LIBSEAL_ERR_INVALID_ARGUMENT.
pub const LIBSEAL_RSAES_OAEP_SHA_1: u32 = 2;

const _: () = {
    assert!(LIBSEAL_MAX_RECIPIENTS == MAX_RECIPIENTS);
    assert!(LIBSEAL_MAX_KEY_ID_LEN == MAX_KEY_ID_LEN);
    assert!(LIBSEAL_RSAES_OAEP_SHA_256 == WrapAlgorithm::RsaesOaepSha256.kind() as u32);
    #[cfg(feature = "unseal")]
    assert!(LIBSEAL_RSAES_OAEP_SHA_1 == WrapAlgorithm::RsaesOaepSha1.kind() as u32);
};

/// Who can unseal a message: each of 1 to LIBSEAL_MAX_RECIPIENTS recipients alone can.
///
/// `{.key = &key}` is all that is needed. The struct and what it points to are borrowed until the
/// call that takes it returns.
#[repr(C)]
pub struct libseal_recipient {
    /// The public key; not NULL.
    pub key: *const libseal_public_key,
    /// A hint for whoever unseals, such as the alias or ARN of the KMS key, of at most
    /// LIBSEAL_MAX_KEY_ID_LEN bytes; NULL is the empty one. Everybody can read it.
    pub key_id: *const c_char,
    /// How the data key is wrapped: LIBSEAL_RSAES_OAEP_SHA_256, LIBSEAL_RSAES_OAEP_SHA_1, or 0 for
    /// the default.
    pub algorithm: u32,
}

/// Recipients as the core takes them, without a heap.
pub(crate) type Recipients<'a> = ArrayVec<Recipient<'a>, MAX_RECIPIENTS>;

/// Adds the recipients of a list to `recipients`.
///
/// # Safety
/// `list` is of `count` recipients, unless `count` is 0 or it is NULL; nobody changes them or what
/// they point to during `'a`.
pub(crate) unsafe fn read_recipients<'a>(
    list: *const libseal_recipient,
    count: usize,
    recipients: &mut Recipients<'a>,
) -> Result<(), Failure> {
    // SAFETY: the caller's word.
    for item in unsafe { array(list, count) }? {
        // SAFETY: the caller's word.
        let added = recipients.try_push(unsafe { recipient(item) }?);
        added.map_err(|_| ErrorKind::TooManyRecipients)?;
    }
    Ok(())
}

unsafe fn recipient<'a>(recipient: &libseal_recipient) -> Result<Recipient<'a>, Failure> {
    let algorithm = match recipient.algorithm {
        0 => WrapAlgorithm::default(),
        number => u8::try_from(number)
            .ok()
            .and_then(WrapAlgorithm::from_kind)
            .ok_or(Failure(LIBSEAL_ERR_INVALID_ARGUMENT))?,
    };
    let key_id = if recipient.key_id.is_null() {
        ""
    } else {
        // SAFETY: the word of the caller of `read_recipients`.
        unsafe { text(recipient.key_id, MAX_KEY_ID_LEN, ErrorKind::KeyIdTooLong) }?
    };
    // SAFETY: the word of the caller of `read_recipients`.
    let key = unsafe { public_key(recipient.key) }?;
    Ok(Recipient::new(key)
        .with_key_id(key_id)
        .with_algorithm(algorithm))
}
