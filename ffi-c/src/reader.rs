//! Reading a message.
//!
//! A reader fetches what it needs from a source, unwraps the data key with a callback, and has the
//! plaintext: from the start, from any place, to its end. It fetches only the chunks that cover what is
//! read.

use core::{
    ffi::{c_int, c_void},
    ops::Range,
    ptr,
};

use libseal::{ErrorKind, Next, Reading};

use crate::{
    boundary::{
        boxed::Boxed,
        buffer::{Output, wiped_after_panic},
        castable::Castable,
        failure::{Failure, Named},
        guard::{guard, guard_value},
        pointer::output,
    },
    context::{libseal_context_pair, read_required},
    header::libseal_header,
    lent::Lent,
    pool::libseal_pool,
    source::{Source, libseal_source},
    status::libseal_status,
    unsealer::read_data_key,
    unwrap::{Callback, code_of, libseal_unwrap_fn},
};

/// A message that is being read.
///
/// After LIBSEAL_ERR_IO_FAILED, or if there was no data key, the call can be repeated. After an error of
/// the message, every further call returns LIBSEAL_ERR_INVALID_STATE. It takes some 600 KiB of memory, and with a pool up to 12 MiB.
pub struct libseal_reader {
    _private: [u8; 0],
}

impl Castable for libseal_reader {
    const NAME: &'static str = "reader";
    type Rust = Reader;
}

impl Boxed for libseal_reader {}

/// A reading, and what drives it.
pub(crate) struct Reader {
    /// Always there, but for a moment while the length of its pieces is changed.
    reading: Option<Reading>,
    driver: Driver,
    /// After a panic.
    is_over: bool,
}

pub(crate) struct Driver {
    source: Source,
    callback: Option<Callback>,
    pub(crate) lent: Lent,
    /// Bytes of the message that the source has read.
    sealed: Vec<u8>,
    knows_len: bool,
    unwrap_code: c_int,
}

impl Reader {
    const fn new(reading: Reading, source: Source, callback: Option<Callback>) -> Self {
        Self {
            reading: Some(reading),
            driver: Driver {
                source,
                callback,
                lent: Lent::NONE,
                sealed: Vec::new(),
                knows_len: false,
                unwrap_code: 0,
            },
            is_over: false,
        }
    }

    /// Runs `call`. A panic ends the message.
    pub(crate) fn run(
        &mut self,
        call: impl FnOnce(&mut Driver, &mut Reading) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.is_over {
            return Err(Failure::invalid_state("an error has ended the message"));
        }
        let reading = self.reading.as_mut().ok_or(ErrorKind::Internal)?;
        self.is_over = true;
        let result = call(&mut self.driver, reading);
        self.is_over = false;
        result
    }

    fn lend(&mut self, lent: Lent) -> Result<(), Failure> {
        if let Some(len) = lent.piece_len() {
            let reading = self.reading.take().ok_or(ErrorKind::Internal)?;
            self.reading = Some(reading.with_piece_len(len));
        }
        self.driver.lent = lent;
        Ok(())
    }
}

impl Driver {
    /// Reads the header and unwraps the data key, unless that has happened.
    fn open(&mut self, reading: &mut Reading) -> Result<(), Failure> {
        self.lent.check()?;
        if !self.knows_len {
            if let Some(len) = self.source.length()? {
                reading.set_message_len(len);
            }
            self.knows_len = true;
        }
        while reading.header().is_none() || reading.needs_key() {
            self.step(reading, 0, &mut [])?;
        }
        Ok(())
    }

    pub(crate) fn read(&mut self, reading: &mut Reading, out: &mut [u8]) -> Result<usize, Failure> {
        self.open(reading)?;
        if out.is_empty() {
            // Only says whether the message is still of use.
            reading.next(1)?;
            return Ok(0);
        }
        loop {
            match self.step(reading, out.len(), out)? {
                Some(0) => {}
                Some(len) => return Ok(len),
                None => return Ok(0),
            }
        }
    }

    fn plaintext_len(&mut self, reading: &mut Reading) -> Result<u64, Failure> {
        self.open(reading)?;
        reading.confirm_end()?;
        loop {
            if let Some(len) = reading.plaintext_len() {
                return Ok(len);
            }
            self.step(reading, 0, &mut [])?;
        }
    }

    /// Takes a step of the reading; returns how much plaintext came to `out`, or `None` at the end.
    fn step(
        &mut self,
        reading: &mut Reading,
        wanted: usize,
        out: &mut [u8],
    ) -> Result<Option<usize>, Failure> {
        match reading.next(wanted)? {
            Next::Message(range) => self.feed(reading, range, out).map(Some),
            Next::Key => self.unwrap(reading).map(|()| Some(0)),
            Next::Plaintext => Ok(Some(reading.read(out)?)),
            Next::End => Ok(None),
        }
    }

    fn feed(
        &mut self,
        reading: &mut Reading,
        range: Range<u64>,
        out: &mut [u8],
    ) -> Result<usize, Failure> {
        let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        if self.sealed.len() < wanted {
            self.sealed = vec![0; wanted];
        }
        let room = self.sealed.get_mut(..wanted).ok_or(ErrorKind::Internal)?;
        let len = self.source.read(range.start, room)?;
        let piece = room.get(..len).ok_or(ErrorKind::Internal)?;
        Ok(self.lent.run(len, || reading.feed(piece, out))??)
    }

    fn unwrap(&mut self, reading: &mut Reading) -> Result<(), Failure> {
        // With a key from the beginning, none is needed.
        let callback = self.callback.ok_or(ErrorKind::Internal)?;
        if let Err(error) = reading.unwrap_with(callback) {
            self.unwrap_code = code_of(&error);
            return Err(error.into());
        }
        Ok(())
    }
}

/// Makes a reader. Nothing is read yet: that happens within the first libseal_reader_read() or
/// libseal_reader_plaintext_len(), and so do the errors of a message that cannot be opened.
///
/// @param source         The callbacks and their `user_data` are kept until the reader is freed.
/// @param unwrap         Unwraps the data key; not NULL. Kept until the reader is freed.
/// @param user_data      For `unwrap`; may be NULL.
/// @param require        Keys that the encryption context must have: with this value, or with any if it
///                       is NULL. The message is refused before a key is unwrapped if one is missing.
/// @param require_count  At most LIBSEAL_MAX_CONTEXT_PAIRS.
/// @param reader         Set to a new reader: libseal_reader_free().
/// @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_UTF8,
///         LIBSEAL_ERR_CONTEXT_TOO_LONG for a required key or value that no message can have.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_reader_new(
    source: *const libseal_source,
    unwrap: libseal_unwrap_fn,
    user_data: *mut c_void,
    require: *const libseal_context_pair,
    require_count: usize,
    reader: *mut *mut libseal_reader,
) -> libseal_status {
    guard(|| {
        // SAFETY: `reader` is memory for a pointer; the callbacks can be called for as long as the
        // reader is there; source and pairs do not change during the call.
        let (reader, source, callback, required) = unsafe {
            (
                output(reader, ptr::null_mut()).of("reader")?,
                Source::new(source)?,
                Callback::new(unwrap, user_data)?,
                read_required(require, require_count)?,
            )
        };
        let reading = Reading::new(&required);
        *reader = libseal_reader::new(Reader::new(reading, source, Some(callback)));
        Ok(())
    })
}

/// Makes a reader for a message whose header and data key are known: the header is not read again.
///
/// @param source    The callbacks and their `user_data` are kept until the reader is freed.
/// @param header    The header of the message. It may be freed after the call.
/// @param data_key  Wipe it after the call; the library has its own copy.
/// @param reader    Set to a new reader: libseal_reader_free().
/// @return LIBSEAL_OK, LIBSEAL_ERR_AUTHENTICATION_FAILED if the header was not made with this key.
///
/// cbindgen:ptrs-as-arrays=[[data_key;32]]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_reader_new_with_key(
    source: *const libseal_source,
    header: *const libseal_header,
    data_key: *const u8,
    reader: *mut *mut libseal_reader,
) -> libseal_status {
    guard(|| {
        // SAFETY: `reader` is memory for a pointer; the callbacks can be called for as long as the
        // reader is there; source, header and data key do not change during the call.
        let (reader, source, header, data_key) = unsafe {
            (
                output(reader, ptr::null_mut()).of("reader")?,
                Source::new(source)?,
                libseal_header::shared(header)?,
                read_data_key(data_key)?,
            )
        };
        let reading = Reading::with_key(header.clone(), data_key)?;
        *reader = libseal_reader::new(Reader::new(reading, source, None));
        Ok(())
    })
}

/// Frees a reader, in any state, and wipes its keys. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libseal_reader_free(reader: *mut libseal_reader) {
    guard_value(|| {
        // SAFETY: `reader` is from one of the `new` above, and this is its last use.
        unsafe { libseal_reader::free(reader) };
        Ok(())
    });
}

/// Reads the plaintext that comes next, like read(): any number of bytes from 1 to `out_cap`.
///
/// 0 bytes are the end of the plaintext, and with them the message is known to be complete. For an
/// `out_cap` of 0, it only reads the header and unwraps the data key.
///
/// Where a message was cut short or altered, every chunk of 16 KiB before that comes out before the error
/// does.
///
/// @return LIBSEAL_OK, LIBSEAL_ERR_IO_FAILED, LIBSEAL_ERR_INVALID_STATE after an error of the message or
///         the end of the pool;
///         LIBSEAL_ERR_EMPTY_MESSAGE, LIBSEAL_ERR_NOT_SEALED, LIBSEAL_ERR_UNSUPPORTED_VERSION,
///         LIBSEAL_ERR_UNSUPPORTED_SUITE, LIBSEAL_ERR_HEADER_MALFORMED,
///         LIBSEAL_ERR_HEADER_TOO_LARGE, LIBSEAL_ERR_TRUNCATED;
///         LIBSEAL_ERR_CONTEXT_MISMATCH, LIBSEAL_ERR_NO_MATCHING_RECIPIENT,
///         LIBSEAL_ERR_UNWRAP_FAILED, LIBSEAL_ERR_KMS_UNAVAILABLE, LIBSEAL_ERR_KMS_REFUSED,
///         LIBSEAL_ERR_WRAPPED_KEY_REJECTED, LIBSEAL_ERR_AUTHENTICATION_FAILED,
///         LIBSEAL_ERR_END_NOT_AUTHENTIC;
///         LIBSEAL_ERR_MESSAGE_TOO_LONG at a position from 4 PiB on.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_reader_read(
    reader: *mut libseal_reader,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    let status = guard(|| {
        // SAFETY: `reader` is NULL or used only by this call; `out` and `written` are memory that only
        // this call uses.
        let (mut output, reader) = unsafe {
            let output = Output::read(out, out_cap, written);
            let reader = libseal_reader::exclusive(reader)?;
            (output?, reader)
        };
        reader.run(|driver, reading| {
            let len = driver.read(reading, output.all())?;
            output.wrote(len);
            Ok(())
        })
    });
    // SAFETY: the call is over, and `out` and `written` are still its own.
    unsafe { wiped_after_panic(status, out, out_cap, written) }
}

/// Moves to `position` in the plaintext, forwards or backwards. The next libseal_reader_read() fetches
/// what it needs, and fails if it cannot.
///
/// The position may lie beyond the end of the plaintext, where 0 bytes are read, if the source knows the
/// length of the message. If not, a position more than 16 KiB beyond the end looks like one in a message
/// that was cut short: reading returns LIBSEAL_ERR_TRUNCATED, and that is the end of the reader.
///
/// @return LIBSEAL_OK.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_reader_seek(
    reader: *mut libseal_reader,
    position: u64,
) -> libseal_status {
    guard(|| {
        // SAFETY: `reader` is NULL or used only by this call.
        let reader = unsafe { libseal_reader::exclusive(reader) }?;
        reader.run(|_, reading| {
            reading.seek(position);
            Ok(())
        })
    })
}

/// The position in the plaintext of the byte that is read next. 0 if `reader` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_reader_position(reader: *const libseal_reader) -> u64 {
    guard_value(|| {
        // SAFETY: `reader` is NULL or does not change during the call.
        let reader = unsafe { libseal_reader::shared(reader) }?;
        Ok(reader.reading.as_ref().map_or(0, Reading::position))
    })
}

/// The length of the plaintext. Fetches and verifies the end of the message for it; the position stays.
///
/// @param len  Set to the length.
/// @return as libseal_reader_read(), and LIBSEAL_ERR_INVALID_STATE if the source does not know the length
///         of the message and its end has not been read.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_reader_plaintext_len(
    reader: *mut libseal_reader,
    len: *mut u64,
) -> libseal_status {
    guard(|| {
        // SAFETY: `reader` is NULL or used only by this call, and `len` is memory for a number.
        let (len, reader) = unsafe {
            let len = output(len, 0).of("len");
            let reader = libseal_reader::exclusive(reader)?;
            (len?, reader)
        };
        reader.run(|driver, reading| {
            *len = driver.plaintext_len(reading)?;
            Ok(())
        })
    })
}

/// The header, once it has been read; before that, and if `reader` is NULL, NULL. Trusted once a data key
/// has been accepted.
///
/// Borrowed until the next call that is not on a const reader. Not for libseal_header_free().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_reader_header(
    reader: *const libseal_reader,
) -> *const libseal_header {
    let header = guard_value(|| {
        // SAFETY: `reader` is NULL or stays as it is while the header is borrowed.
        let reader = unsafe { libseal_reader::shared(reader) }?;
        let header = reader.reading.as_ref().and_then(Reading::header);
        Ok(header.map(libseal_header::borrowed))
    });
    header.unwrap_or(ptr::null())
}

/// After LIBSEAL_ERR_IO_FAILED: what the callback of the source returned; 0 if it claimed to have read
/// more than it was asked for. 0 if `reader` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_reader_source_code(reader: *const libseal_reader) -> c_int {
    guard_value(|| {
        // SAFETY: `reader` is NULL or does not change during the call.
        let reader = unsafe { libseal_reader::shared(reader) }?;
        Ok(reader.driver.source.code)
    })
}

/// If unwrapping failed: as libseal_unsealer_unwrap_code(). 0 if `reader` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_reader_unwrap_code(reader: *const libseal_reader) -> c_int {
    guard_value(|| {
        // SAFETY: `reader` is NULL or does not change during the call.
        let reader = unsafe { libseal_reader::shared(reader) }?;
        Ok(reader.driver.unwrap_code)
    })
}

/// Unseals on the threads of a pool, in larger pieces, from the next call on.
///
/// @param pool  NULL for the calling thread alone, as at first.
/// @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE if `pool` has ended or was made before a fork().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_reader_set_pool(
    reader: *mut libseal_reader,
    pool: *const libseal_pool,
) -> libseal_status {
    guard(|| {
        // SAFETY: `reader` is NULL or used only by this call, and `pool` stays during it.
        let (reader, lent) = unsafe { (libseal_reader::exclusive(reader)?, Lent::read(pool)?) };
        reader.lend(lent)
    })
}
