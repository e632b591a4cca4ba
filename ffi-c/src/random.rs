//! Random bytes.

use core::ffi::{c_int, c_void};

use libseal::{Error, ErrorKind, RandomSource};

use crate::boundary::{
    failure::{Failure, Named},
    pointer::callback,
    sized::{SizedStruct, read_sized},
};

/// Fills `out` with `len` bytes from a cryptographic random source, such as the hardware's.
///
/// Sealing checks every answer. It fails with LIBSEAL_ERR_RANDOM_FAILED for one that repeats a word of 32
/// bits, whose first 16 bytes are those of the one before, or in which eight bytes are equal, at a
/// multiple of eight or at the end, as if nothing had filled them. That finds a generator that was not switched on. It says nothing about the quality of one
/// that was, and a smaller gap can pass.
///
/// The callback must return: no longjmp, no C++ exception. It must not use the handle that it is called
/// for. If handles on several threads share it, it runs on several threads at a time.
///
/// @param user_data  From the libseal_random.
/// @param out        All zeros; 20 to 32 bytes.
/// @return 0 if `out` is filled. With any other value, sealing fails with LIBSEAL_ERR_RANDOM_FAILED.
pub type libseal_random_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, out: *mut u8, len: usize) -> c_int>;

/// A source of random bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct libseal_random {
    /// sizeof(libseal_random).
    pub size: usize,
    /// Not NULL.
    pub fill: libseal_random_fn,
    /// For `fill`; may be NULL.
    pub user_data: *mut c_void,
}

// SAFETY: a size, a function pointer that may be NULL, and a pointer.
unsafe impl SizedStruct for libseal_random {
    const FIRST_SIZE: usize = size_of::<Self>();
}

/// Where random bytes come from.
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
    /// `random` is NULL, or its `fill` does what [`libseal_random_fn`] says for as long as the source
    /// is in use.
    pub(crate) unsafe fn read(random: *const libseal_random) -> Result<Self, Failure> {
        #[cfg(feature = "unseal")]
        if random.is_null() {
            return Ok(Self::System);
        }
        // SAFETY: NULL, or a struct that does not change during the call.
        let random = unsafe { read_sized(random) }.of("random")?;
        let fill = callback(random.fill).of("the callback fill of random")?;
        Ok(Self::Callback(fill, random.user_data))
    }
}

impl RandomSource for Source {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        match self {
            #[cfg(feature = "unseal")]
            Self::System => libseal::SystemRandom.fill(out),
            #[cfg(not(feature = "unseal"))]
            Self::System => Err(ErrorKind::RandomFailed.into()),
            Self::Callback(fill, user_data) => {
                // SAFETY: the caller of `read` promised that `fill` can be called with this
                // `user_data` and a place for bytes.
                match unsafe { fill(*user_data, out.as_mut_ptr(), out.len()) } {
                    0 => Ok(()),
                    _ => Err(ErrorKind::RandomFailed.into()),
                }
            }
        }
    }

    fn is_system(&self) -> bool {
        matches!(self, Self::System)
    }
}
