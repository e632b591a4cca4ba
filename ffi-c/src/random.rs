//! Random bytes.

use core::ffi::{c_int, c_void};

use libseal::{Error, ErrorKind, RandomSource};

use crate::{guard::Failure, own_status::LIBSEAL_ERR_NULL_POINTER, pointer::shared};

/// Fills `out` with `len` bytes from a cryptographic random source, such as the hardware's.
///
/// An answer that is constant, or begins as the one before, makes sealing fail with
/// LIBSEAL_ERR_RANDOM_FAILED; nothing is sealed with it. This finds a generator that was not switched
/// on, and says nothing about the quality of one that was.
///
/// The library calls it on the calling thread. It must not leave by longjmp or a C++ exception, nor
/// use the handle that it is called for. Handles on several threads that share a source call it at the
/// same time.
///
/// @param user_data  As it was given to the library.
/// @param out        All zeros; from 20 to 32 bytes.
/// @return 0: `out` is filled. Any other value: the source failed, and so does the call that needed
///         it, with LIBSEAL_ERR_RANDOM_FAILED.
pub type libseal_random_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, out: *mut u8, len: usize) -> c_int>;

/// A source of random bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct libseal_random {
    /// Not NULL.
    pub fill: libseal_random_fn,
    /// Handed on to `fill`.
    pub user_data: *mut c_void,
}

/// Whom to ask for random bytes.
#[derive(Clone, Copy, Default)]
pub(crate) enum Source {
    /// The operating system, if the library knows of one.
    #[default]
    System,
    Callback(
        unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> c_int,
        *mut c_void,
    ),
}

impl Source {
    /// # Safety
    /// `random` is NULL, or `fill` keeps to what is said of [`libseal_random_fn`] for as long as the
    /// source is there.
    pub(crate) unsafe fn read(random: *const libseal_random) -> Result<Self, Failure> {
        #[cfg(feature = "unseal")]
        if random.is_null() {
            return Ok(Self::System);
        }
        // SAFETY: the caller's word.
        let random = unsafe { shared(random) }?;
        let fill = random.fill.ok_or(Failure(LIBSEAL_ERR_NULL_POINTER))?;
        Ok(Self::Callback(fill, random.user_data))
    }
}

impl RandomSource for Source {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        match self {
            #[cfg(feature = "unseal")]
            Self::System => libseal::SystemRandom.fill(out),
            #[cfg(not(feature = "unseal"))]
            Self::System => Err(ErrorKind::RandomFailed.into()),
            Self::Callback(fill, user_data) => {
                // SAFETY: `read` was promised that this is fine.
                match unsafe { fill(*user_data, out.as_mut_ptr(), out.len()) } {
                    0 => Ok(()),
                    _ => Err(ErrorKind::RandomFailed.into()),
                }
            }
        }
    }

    #[cfg(feature = "aws-lc-rs")]
    fn is_system(&self) -> bool {
        matches!(self, Self::System)
    }
}
