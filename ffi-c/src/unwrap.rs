//! Unwrapping.

use core::{
    error::Error,
    ffi::{c_int, c_void},
    fmt,
};

use libseal::{DataKey, ErrorKind, Unwrap, Unwrapped, WrappedKey};
use zeroize::Zeroizing;

use crate::{
    boundary::{
        failure::{Failure, Named},
        pointer::callback,
    },
    wrapped_key::{LIBSEAL_DATA_KEY_LEN, libseal_wrapped_key},
};

/// A libseal_unwrap_fn returns it for a wrapped key that it holds no private key for. The next
/// recipient is tried. An unusual number, so that no `return -1` is taken for it.
pub const LIBSEAL_UNWRAP_NOT_MINE: i32 = -22404;
/// A libseal_unwrap_fn returns it if unwrapping failed and nothing else is to be tried: the KMS is down,
/// for example.
pub const LIBSEAL_UNWRAP_STOP: i32 = -22405;

/// A libseal_unwrap_fn returns it if the KMS could not be asked, or could not answer now: a time-out, no
/// connection, too many requests. The next recipient is tried.
pub const LIBSEAL_UNWRAP_UNAVAILABLE: i32 = -22406;
/// A libseal_unwrap_fn returns it if the KMS refused: the caller may not decrypt, or the key is disabled
/// or unknown. The next recipient is tried.
pub const LIBSEAL_UNWRAP_REFUSED: i32 = -22407;
/// A libseal_unwrap_fn returns it if the KMS cannot decrypt this wrapped key. The next recipient is
/// tried.
pub const LIBSEAL_UNWRAP_REJECTED: i32 = -22408;

const _: () = assert!(LIBSEAL_DATA_KEY_LEN == DataKey::LEN);

/// Unwraps a data key: a call to a KMS, an HSM or the holder of the private key.
///
/// The library calls it for one recipient after the other, in the order of the header, until one call
/// returns 0 or LIBSEAL_UNWRAP_STOP: at most once for each, and not for kinds that this version does not
/// know. It must return: no longjmp, no C++ exception. It must not use the handle that it is called for.
///
/// @param user_data    From the call that set the callback.
/// @param wrapped_key  Borrowed until the callback returns. Untrusted: compare its fingerprint with
///                     those of the keys that you allow, and ask no KMS for any other.
/// @param unwrapped    For what the KMS returned: 32 bytes. The library wipes it.
/// @return 0 if `unwrapped` is filled, LIBSEAL_UNWRAP_NOT_MINE or another of these constants, or any other value if unwrapping
///         failed: the next recipient is tried. If no recipient is left, the call fails with
///         LIBSEAL_ERR_KMS_UNAVAILABLE if any was unavailable, or else by the first failure: with
///         LIBSEAL_ERR_KMS_REFUSED, LIBSEAL_ERR_WRAPPED_KEY_REJECTED, or LIBSEAL_ERR_UNWRAP_FAILED,
///         and what the callback returned is its code.
pub type libseal_unwrap_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        wrapped_key: *const libseal_wrapped_key,
        unwrapped: *mut u8,
    ) -> c_int,
>;

/// An unwrapper that calls back.
#[derive(Clone, Copy)]
pub(crate) struct Callback {
    function: unsafe extern "C" fn(*mut c_void, *const libseal_wrapped_key, *mut u8) -> c_int,
    user_data: *mut c_void,
}

impl Callback {
    /// # Safety
    /// `function` does what [`libseal_unwrap_fn`] says for as long as the callback is in use.
    pub(crate) unsafe fn new(
        function: libseal_unwrap_fn,
        user_data: *mut c_void,
    ) -> Result<Self, Failure> {
        Ok(Self {
            function: callback(function).of("unwrap")?,
            user_data,
        })
    }
}

impl Unwrap for Callback {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        let wrapped_key = libseal_wrapped_key::new(key);
        let mut unwrapped = Zeroizing::new([0; LIBSEAL_DATA_KEY_LEN]);
        // SAFETY: the caller of `new` promised that the function can be called with this `user_data`,
        // a wrapped key and room for what it unwraps.
        let code = unsafe {
            (self.function)(
                self.user_data,
                &raw const wrapped_key,
                unwrapped.as_mut_ptr(),
            )
        };
        match code {
            0 => key
                .data_key(&unwrapped[..])
                .map_or_else(|error| Unwrapped::Failed(error.into()), Unwrapped::DataKey),
            LIBSEAL_UNWRAP_NOT_MINE => Unwrapped::NotMine,
            LIBSEAL_UNWRAP_STOP => Unwrapped::Stop(CallbackFailed(code).into()),
            code => Unwrapped::Failed(failure(code).into()),
        }
    }
}

fn failure(code: c_int) -> libseal::Error {
    let kind = match code {
        LIBSEAL_UNWRAP_UNAVAILABLE => ErrorKind::KmsUnavailable,
        LIBSEAL_UNWRAP_REFUSED => ErrorKind::KmsRefused,
        LIBSEAL_UNWRAP_REJECTED => ErrorKind::WrappedKeyRejected,
        _ => ErrorKind::UnwrapFailed,
    };
    libseal::Error::with_source(kind, CallbackFailed(code))
}

/// What the callback returned.
#[derive(Debug)]
struct CallbackFailed(c_int);

impl fmt::Display for CallbackFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the callback returned {}", self.0)
    }
}

impl Error for CallbackFailed {}

/// What the callback returned, if that is why the call failed; else 0.
pub(crate) fn code_of(error: &libseal::Error) -> c_int {
    let source = error.source().and_then(|source| source.downcast_ref());
    source.map_or(0, |CallbackFailed(code)| *code)
}
