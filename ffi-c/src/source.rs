//! Source: where a reader reads from.

use core::ffi::{c_int, c_void};

use crate::boundary::{
    failure::{Failure, Named},
    own_status::LIBSEAL_ERR_IO_FAILED,
    pointer::callback,
    sized::{SizedStruct, read_sized},
};

/// Reads bytes of the message, like pread(): any number of them from 1 to `len`, or 0 at the end.
///
/// The callback must return: no longjmp, no C++ exception. It must not use the reader.
///
/// @param user_data  From the libseal_source.
/// @param offset     Where in the message the bytes begin.
/// @param out        For `len` bytes.
/// @param filled     To be set to the number of bytes in `out`.
/// @return 0, or any other value if reading failed. The call that needed the bytes fails with
///         LIBSEAL_ERR_IO_FAILED, and can be repeated.
pub type libseal_read_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        offset: u64,
        out: *mut u8,
        len: usize,
        filled: *mut usize,
    ) -> c_int,
>;

/// Says how long the message is.
///
/// @param user_data  From the libseal_source.
/// @param len        To be set to the length of the message.
/// @return as libseal_read_fn.
pub type libseal_length_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, len: *mut u64) -> c_int>;

/// Where a message is read from: a file, object storage, a device.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct libseal_source {
    /// sizeof(libseal_source).
    pub size: usize,
    /// Not NULL.
    pub read: libseal_read_fn,
    /// NULL if the length is not known. If it is there, it is called once, before the first `read`. The
    /// first time that the reader moves beyond what it has fetched, it then verifies the end of the
    /// message before anything else, so that a message that was cut short cannot pass for a complete one.
    pub length: libseal_length_fn,
    /// For the callbacks; may be NULL.
    pub user_data: *mut c_void,
}

// SAFETY: a size, function pointers that may be NULL, and a pointer.
unsafe impl SizedStruct for libseal_source {
    const FIRST_SIZE: usize = size_of::<Self>();
}

/// A source that calls back, and its last failure.
pub(crate) struct Source {
    read: unsafe extern "C" fn(*mut c_void, u64, *mut u8, usize, *mut usize) -> c_int,
    length: libseal_length_fn,
    user_data: *mut c_void,
    pub(crate) code: c_int,
}

impl Source {
    /// # Safety
    /// `source` is NULL, or its callbacks do what their types say for as long as the source is in use.
    pub(crate) unsafe fn new(source: *const libseal_source) -> Result<Self, Failure> {
        // SAFETY: NULL, or a struct that does not change during the call.
        let source = unsafe { read_sized(source) }.of("source")?;
        Ok(Self {
            read: callback(source.read).of("the callback read of the source")?,
            length: source.length,
            user_data: source.user_data,
            code: 0,
        })
    }

    /// Reads some bytes from `offset` on; 0 at the end of the message.
    pub(crate) fn read(&mut self, offset: u64, out: &mut [u8]) -> Result<usize, Failure> {
        let mut filled = 0;
        // SAFETY: the caller of `new` promised that `read` can be called with this `user_data`, room
        // for bytes and a place for their number.
        let code = unsafe {
            (self.read)(
                self.user_data,
                offset,
                out.as_mut_ptr(),
                out.len(),
                &raw mut filled,
            )
        };
        self.check(code)?;
        if filled > out.len() {
            let text = "the callback that reads the message claims more bytes than were asked for";
            return Err(Failure::with_text(LIBSEAL_ERR_IO_FAILED, text));
        }
        Ok(filled)
    }

    /// The length of the message, if the source knows it.
    pub(crate) fn length(&mut self) -> Result<Option<u64>, Failure> {
        let Some(length) = self.length else {
            return Ok(None);
        };
        let mut len = 0;
        // SAFETY: the caller of `new` promised that `length` can be called with this `user_data` and a
        // place for a number.
        let code = unsafe { length(self.user_data, &raw mut len) };
        self.check(code)?;
        Ok(Some(len))
    }

    fn check(&mut self, code: c_int) -> Result<(), Failure> {
        self.code = code;
        match code {
            0 => Ok(()),
            code => {
                let text =
                    format!("the callback that reads the message failed: it returned {code}");
                Err(Failure::with_text(LIBSEAL_ERR_IO_FAILED, text))
            }
        }
    }
}
