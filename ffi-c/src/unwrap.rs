//! Unwrapping.

use core::{
    cell::Cell,
    error::Error,
    ffi::{c_int, c_void},
    fmt,
};

use libseal::{BoxError, DataKey, KeyUnwrap, WrappedKey};
use zeroize::Zeroizing;

use crate::{
    guard::Failure, own_status::LIBSEAL_ERR_NULL_POINTER, wrapped_key::libseal_wrapped_key,
};

/// Bytes in a data key.
pub const LIBSEAL_DATA_KEY_LEN: usize = 32;
/// What a libseal_unwrap_fn returns for a wrapped key that it holds no private key for. An unusual
/// number, so that no `return -1` is taken for it.
pub const LIBSEAL_UNWRAP_NOT_MINE: i32 = -22404;

const _: () = assert!(LIBSEAL_DATA_KEY_LEN == DataKey::LEN);

/// Unwraps a data key: a call to a KMS, an HSM or the holder of the private key.
///
/// The library calls it for one recipient after the other, in the order of the header, until it has
/// a data key: at most once for each, on the calling thread, and not for kinds that this version
/// does not know. It must not leave by longjmp or a C++ exception, nor use the handle that it is
/// called for.
///
/// @param user_data    As it was given to the library.
/// @param wrapped_key  Borrowed until the function returns. Untrusted: compare its fingerprint with
///                     those of the keys that you allow, and ask no KMS for any other.
/// @param data_key     For the data key. The library wipes it.
/// @return 0: `data_key` holds the data key.
///         LIBSEAL_UNWRAP_NOT_MINE: no key for this one; the next recipient is tried.
///         Any other value: unwrapping failed. The next recipient is tried; if none is left, the
///         first such value is the code of LIBSEAL_ERR_UNWRAP_FAILED.
pub type libseal_unwrap_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        wrapped_key: *const libseal_wrapped_key,
        data_key: *mut u8,
    ) -> c_int,
>;

/// A callback and what it has said.
pub(crate) struct Callback {
    function: unsafe extern "C" fn(*mut c_void, *const libseal_wrapped_key, *mut u8) -> c_int,
    user_data: *mut c_void,
    /// The first one; 0 if there was none.
    failure: Cell<c_int>,
}

impl Callback {
    /// # Safety
    /// `function` keeps to what is said of [`libseal_unwrap_fn`] for as long as the callback is
    /// there.
    pub(crate) unsafe fn new(
        function: libseal_unwrap_fn,
        user_data: *mut c_void,
    ) -> Result<Self, Failure> {
        Ok(Self {
            function: function.ok_or(Failure(LIBSEAL_ERR_NULL_POINTER))?,
            user_data,
            failure: Cell::new(0),
        })
    }

    pub(crate) fn code(&self) -> c_int {
        self.failure.get()
    }
}

impl KeyUnwrap for Callback {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Result<Option<DataKey>, BoxError> {
        let wrapped_key = libseal_wrapped_key::new(key);
        let mut data_key = Zeroizing::new([0; DataKey::LEN]);
        // SAFETY: `new` was promised that this is fine.
        let code = unsafe {
            (self.function)(
                self.user_data,
                &raw const wrapped_key,
                data_key.as_mut_ptr(),
            )
        };
        match code {
            0 => Ok(Some(DataKey::try_from(&data_key[..])?)),
            LIBSEAL_UNWRAP_NOT_MINE => Ok(None),
            code => {
                if self.failure.get() == 0 {
                    self.failure.set(code);
                }
                Err(Box::new(CallbackFailed))
            }
        }
    }
}

/// The code is kept elsewhere.
#[derive(Debug)]
struct CallbackFailed;

impl fmt::Display for CallbackFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the callback failed")
    }
}

impl Error for CallbackFailed {}
