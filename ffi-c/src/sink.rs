//! Sink: what is written goes here.

use core::ffi::{c_int, c_void};

use crate::boundary::{
    failure::{Failure, Named},
    own_status::LIBSEAL_ERR_IO_FAILED,
    pointer::callback,
    sized::{SizedStruct, read_sized},
};

/// Writes the next bytes of the message, or of the plaintext that libseal_reader_salvage() finds: all of
/// them or, if it fails, none.
///
/// The callback must return: no longjmp, no C++ exception. It must not use the writer or the reader.
///
/// @param user_data  From the libseal_sink.
/// @param data       The bytes; borrowed until the callback returns.
/// @param len        How many there are, at least 1.
/// @return 0, or any other value if writing failed. The call fails with LIBSEAL_ERR_IO_FAILED. If it is
///         repeated, the same bytes come again. If only some of them were written, what was written is
///         broken.
pub type libseal_write_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, data: *const u8, len: usize) -> c_int>;

/// Where bytes are written to: a file, a socket, a device.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct libseal_sink {
    /// sizeof(libseal_sink).
    pub size: usize,
    /// Not NULL.
    pub write: libseal_write_fn,
    /// For `write`; may be NULL.
    pub user_data: *mut c_void,
}

// SAFETY: a size, a function pointer that may be NULL, and a pointer.
unsafe impl SizedStruct for libseal_sink {
    const FIRST_SIZE: usize = size_of::<Self>();
}

/// A sink that calls back, and its last failure.
pub(crate) struct Sink {
    write: unsafe extern "C" fn(*mut c_void, *const u8, usize) -> c_int,
    user_data: *mut c_void,
    pub(crate) code: c_int,
}

impl Sink {
    /// # Safety
    /// `sink` is NULL, or its callback does what its type says for as long as the sink is in use.
    pub(crate) unsafe fn new(sink: *const libseal_sink) -> Result<Self, Failure> {
        // SAFETY: NULL, or a struct that does not change during the call.
        let sink = unsafe { read_sized(sink) }.of("sink")?;
        Ok(Self {
            write: callback(sink.write).of("the callback write of the sink")?,
            user_data: sink.user_data,
            code: 0,
        })
    }

    pub(crate) fn write(&mut self, data: &[u8]) -> Result<(), Failure> {
        // SAFETY: the caller of `new` promised that `write` can be called with this `user_data` and
        // some bytes.
        self.code = unsafe { (self.write)(self.user_data, data.as_ptr(), data.len()) };
        match self.code {
            0 => Ok(()),
            code => {
                let text = format!("the callback that writes failed: it returned {code}");
                Err(Failure::with_text(LIBSEAL_ERR_IO_FAILED, text))
            }
        }
    }
}
