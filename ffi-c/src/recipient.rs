//! Recipients.

use core::ffi::{c_char, c_void};

use arrayvec::ArrayVec;
use libseal::{ErrorKind, MAX_KEY_ID_LEN, MAX_RECIPIENTS, Recipient, WrapAlgorithm};

use crate::{
    boundary::{
        failure::{Failure, Named},
        own_status::LIBSEAL_ERR_INVALID_ARGUMENT,
        pointer::text,
        sized::{SizedStruct, read_sized, stated_size, wrong_size},
    },
    public_key::Key,
};

/// Most recipients of a message.
pub const LIBSEAL_MAX_RECIPIENTS: usize = 16;
/// Most bytes of a key id.
pub const LIBSEAL_MAX_KEY_ID_LEN: usize = 2048;

/// The KMS algorithm RSAES_OAEP_SHA_256: the default.
pub const LIBSEAL_RSAES_OAEP_SHA_256: u32 = 1;
/// The KMS algorithm RSAES_OAEP_SHA_1: only for a KMS or HSM that supports no other. The library for
/// firmware does not have it.
pub const LIBSEAL_RSAES_OAEP_SHA_1: u32 = 2;

const _: () = {
    assert!(LIBSEAL_MAX_RECIPIENTS == MAX_RECIPIENTS);
    assert!(LIBSEAL_MAX_KEY_ID_LEN == MAX_KEY_ID_LEN);
    assert!(LIBSEAL_RSAES_OAEP_SHA_256 == WrapAlgorithm::RsaesOaepSha256.kind() as u32);
    assert!(LIBSEAL_RSAES_OAEP_SHA_1 == WrapAlgorithm::RsaesOaepSha1.kind() as u32);
};

/// Someone who can unseal a message, and needs no other recipient for it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct libseal_recipient {
    /// sizeof(libseal_recipient). In an array, all have the same.
    pub size: usize,
    /// The public key: a libseal_rsa_public_key. Not NULL.
    pub key: *const c_void,
    /// A hint for the backend, such as the alias or ARN of the KMS key, of at most
    /// LIBSEAL_MAX_KEY_ID_LEN bytes; NULL stands for "". Anyone can read it.
    pub key_id: *const c_char,
    /// How the data key is wrapped: LIBSEAL_RSAES_OAEP_SHA_256, LIBSEAL_RSAES_OAEP_SHA_1, or 0 for
    /// the default.
    pub algorithm: u32,
}

// SAFETY: a size, pointers and a number.
unsafe impl SizedStruct for libseal_recipient {
    const FIRST_SIZE: usize = size_of::<Self>();
}

/// Recipients as the core takes them, without a heap.
pub(crate) type Recipients<'a> = ArrayVec<Recipient<'a>, MAX_RECIPIENTS>;

/// Adds the recipients of a list to `recipients`.
///
/// # Safety
/// `list` is of `count` recipients, unless `count` is 0 or it is NULL; nothing changes them or what
/// they point to during `'a`.
pub(crate) unsafe fn read_recipients<'a>(
    list: *const libseal_recipient,
    count: usize,
    recipients: &mut Recipients<'a>,
) -> Result<(), Failure> {
    if count > MAX_RECIPIENTS {
        return Err(ErrorKind::TooManyRecipients.into());
    }
    if count == 0 {
        return Ok(());
    }
    // SAFETY: NULL, or of a recipient at least.
    let stride = unsafe { stated_size(list) }.of("recipients")?;
    for index in 0..count {
        let place = list.wrapping_byte_add(index.wrapping_mul(stride));
        // SAFETY: the recipients before this one are as long as the first states, so it is here. What
        // it points to does not change.
        let (size, recipient) = unsafe {
            let recipient = read_sized(place).of("a recipient")?;
            (recipient.size, checked(&recipient)?)
        };
        if size != stride {
            return Err(wrong_size()).of("a recipient after the first");
        }
        let added = recipients.try_push(recipient);
        added.map_err(|_| ErrorKind::TooManyRecipients)?;
    }
    Ok(())
}

/// # Safety
/// Nothing changes what `recipient` points to during `'a`.
unsafe fn checked<'a>(recipient: &libseal_recipient) -> Result<Recipient<'a>, Failure> {
    let algorithm = read_algorithm(recipient.algorithm).of("the algorithm of a recipient")?;
    let key_id = if recipient.key_id.is_null() {
        ""
    } else {
        // SAFETY: the text of a recipient, which does not change.
        unsafe { text(recipient.key_id, MAX_KEY_ID_LEN, ErrorKind::KeyIdTooLong) }
            .of("the key_id of a recipient")?
    };
    // SAFETY: the key of a recipient, which does not change.
    let key = unsafe { Key::read(recipient.key) }.of("the key of a recipient")?;
    Ok(key
        .recipient()
        .with_key_id(key_id)
        .with_algorithm(algorithm))
}

fn read_algorithm(number: u32) -> Result<WrapAlgorithm, Failure> {
    match number {
        0 | LIBSEAL_RSAES_OAEP_SHA_256 => Ok(WrapAlgorithm::RsaesOaepSha256),
        #[cfg(feature = "unseal")]
        LIBSEAL_RSAES_OAEP_SHA_1 => Ok(WrapAlgorithm::RsaesOaepSha1),
        #[cfg(not(feature = "unseal"))]
        LIBSEAL_RSAES_OAEP_SHA_1 => Err(ErrorKind::UnsupportedAlgorithm.into()),
        _ => Err(Failure::argument(
            LIBSEAL_ERR_INVALID_ARGUMENT,
            "is no LIBSEAL_RSAES_...",
        )),
    }
}
