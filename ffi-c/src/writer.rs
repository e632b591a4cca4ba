//! Writing a message.
//!
//! A writer takes plaintext in pieces of any length, seals it in large ones, and hands the message on to
//! a sink. A libseal_sealer hands every byte on at once, and needs no heap; a writer is faster for small
//! pieces.

use core::{ffi::c_int, ptr};

use libseal::{ErrorKind, Writing};

use crate::{
    boundary::{
        boxed::Boxed,
        castable::Castable,
        failure::{Failure, Named},
        guard::{guard, guard_value},
        pointer::{array, output},
    },
    envelope::{EnvelopeParts, libseal_envelope},
    lent::Lent,
    pool::libseal_pool,
    sink::{Sink, libseal_sink},
    status::libseal_status,
};

/// A message that is being written.
///
/// It does not survive fork(): in the child, calls return LIBSEAL_ERR_INVALID_STATE and the sink is not
/// called. The parent is not affected.
///
/// After LIBSEAL_ERR_IO_FAILED the call can be repeated. It takes some 600 KiB of memory, and with a pool
/// up to 12 MiB.
pub struct libseal_writer {
    _private: [u8; 0],
}

impl Castable for libseal_writer {
    const NAME: &'static str = "writer";
    type Rust = Writer;
}

impl Boxed for libseal_writer {}

/// A writing, and what drives it.
pub(crate) struct Writer {
    /// Always there, but for a moment while the length of its pieces is changed.
    writing: Option<Writing>,
    sink: Sink,
    lent: Lent,
    piece_len: usize,
    /// Plaintext that was taken and not handed on yet.
    waiting: usize,
    end: End,
    /// Set by a write that failed, until one succeeds.
    lacks_plaintext: bool,
    /// After a panic.
    is_over: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Ahead,
    /// The last bytes are sealed, and not all handed on.
    Sealed,
    HandedOn,
}

impl Writer {
    const fn new(writing: Writing, sink: Sink) -> Self {
        Self {
            writing: Some(writing),
            sink,
            lent: Lent::NONE,
            piece_len: usize::MAX,
            waiting: 0,
            end: End::Ahead,
            lacks_plaintext: false,
            is_over: false,
        }
    }

    /// Runs `call`. A panic ends the message.
    fn run(&mut self, call: impl FnOnce(&mut Self) -> Result<(), Failure>) -> Result<(), Failure> {
        if self.is_over {
            return Err(Failure::invalid_state("an error has ended the message"));
        }
        self.is_over = true;
        let result = call(self);
        self.is_over = false;
        result
    }

    /// Takes plaintext, and counts in `consumed` how much.
    fn write(&mut self, mut plaintext: &[u8], consumed: &mut usize) -> Result<(), Failure> {
        self.lacks_plaintext |= !plaintext.is_empty();
        loop {
            self.hand_on()?;
            let piece = plaintext;
            let most = self.waiting.saturating_add(piece.len());
            // Small pieces are only gathered, which no other thread should be woken for.
            let len = if most < self.piece_len { 0 } else { most };
            let taken = self.seal(len, |writing| writing.write(piece))?;
            *consumed += taken;
            self.waiting = self.waiting.saturating_add(taken);
            plaintext = plaintext.get(taken..).ok_or(ErrorKind::Internal)?;
            if plaintext.is_empty() {
                self.lacks_plaintext &= taken == 0;
                return Ok(());
            }
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.hand_on()?;
        self.seal(self.waiting, Writing::flush)?;
        self.hand_on()
    }

    fn finish(&mut self) -> Result<(), Failure> {
        match self.end {
            End::Ahead if self.lacks_plaintext => {
                return Err(Failure::invalid_state(
                    "a write failed and was not repeated, so the message would lack its plaintext",
                ));
            }
            End::Ahead => {
                self.hand_on()?;
                self.seal(self.waiting, Writing::finish)?;
                self.end = End::Sealed;
            }
            End::Sealed => {}
            End::HandedOn => return Err(Failure::invalid_state("the message has ended")),
        }
        self.hand_on()?;
        self.end = End::HandedOn;
        Ok(())
    }

    /// Hands on what is sealed.
    fn hand_on(&mut self) -> Result<(), Failure> {
        self.lent.check()?;
        let writing = self.writing.as_mut().ok_or(ErrorKind::Internal)?;
        let sealed = writing.sealed()?;
        let len = sealed.len();
        if len > 0 {
            self.sink.write(sealed)?;
            writing.advance(len);
            self.waiting = 0;
        }
        Ok(())
    }

    /// Does what seals `len` bytes.
    fn seal<R: Send>(
        &mut self,
        len: usize,
        call: impl FnOnce(&mut Writing) -> Result<R, libseal::Error> + Send,
    ) -> Result<R, Failure> {
        let writing = self.writing.as_mut().ok_or(ErrorKind::Internal)?;
        Ok(self.lent.run(len, || call(writing))??)
    }

    fn lend(&mut self, lent: Lent) -> Result<(), Failure> {
        if let Some(len) = lent.piece_len() {
            let writing = self.writing.take().ok_or(ErrorKind::Internal)?;
            self.writing = Some(writing.with_piece_len(len));
            self.piece_len = len;
        }
        self.lent = lent;
        Ok(())
    }
}

/// Begins a message: draws a data key and wraps it for each recipient. The sink is not called yet.
///
/// @param envelope  What the message is sealed with.
/// @param sink      The callback and its `user_data` are kept until the writer is freed.
/// @param writer    Set to a new writer: libseal_writer_free().
/// @return LIBSEAL_OK, what libseal_envelope lists, LIBSEAL_ERR_RANDOM_FAILED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_writer_new(
    envelope: *const libseal_envelope,
    sink: *const libseal_sink,
    writer: *mut *mut libseal_writer,
) -> libseal_status {
    guard(|| {
        let mut parts = EnvelopeParts::default();
        // SAFETY: `writer` is memory for a pointer; the callback can be called for as long as the writer
        // is there; envelope and sink do not change during the call.
        let (writer, sink) = unsafe {
            let writer = output(writer, ptr::null_mut()).of("writer")?;
            parts.read(envelope)?;
            (writer, Sink::new(sink)?)
        };
        let writing = Writing::new(&parts.envelope())?;
        *writer = libseal_writer::new(Writer::new(writing, sink));
        Ok(())
    })
}

/// Frees a writer, in any state, and wipes its keys. If it was not finished, every reader refuses the
/// message as cut short. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libseal_writer_free(writer: *mut libseal_writer) {
    guard_value(|| {
        // SAFETY: `writer` is from `libseal_writer_new`, and this is its last use.
        unsafe { libseal_writer::free(writer) };
        Ok(())
    });
}

/// Takes the next plaintext, of any length.
///
/// @param in        The next plaintext.
/// @param consumed  Set to the number of bytes taken: all of them on LIBSEAL_OK. After
///                  LIBSEAL_ERR_IO_FAILED, repeat the call with the bytes that were not. May be NULL.
/// @return LIBSEAL_OK, LIBSEAL_ERR_IO_FAILED, LIBSEAL_ERR_INVALID_STATE after the end of the message or of
///         the pool and in a forked child, LIBSEAL_ERR_MESSAGE_TOO_LONG at 4 PiB.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_writer_write(
    writer: *mut libseal_writer,
    r#in: *const u8,
    in_len: usize,
    consumed: *mut usize,
) -> libseal_status {
    guard(|| {
        // SAFETY: `writer` is NULL or used only by this call; `in` is `in_len` bytes; `consumed` is NULL
        // or memory for a number.
        let (consumed, plaintext, writer) = unsafe {
            let consumed = (!consumed.is_null()).then(|| output(consumed, 0).of("consumed"));
            (
                consumed.transpose()?,
                array(r#in, in_len).of("in")?,
                libseal_writer::exclusive(writer)?,
            )
        };
        let mut taken = 0;
        let result = writer.run(|writer| writer.write(plaintext, &mut taken));
        if let Some(consumed) = consumed {
            *consumed = taken;
        }
        result
    })
}

/// Seals all that was taken, and hands it on to the sink. The message goes on.
///
/// @return as libseal_writer_write().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_writer_flush(writer: *mut libseal_writer) -> libseal_status {
    guard(|| {
        // SAFETY: `writer` is NULL or used only by this call.
        let writer = unsafe { libseal_writer::exclusive(writer) }?;
        writer.run(Writer::flush)
    })
}

/// Ends the message, and hands its last bytes on to the sink. Only after LIBSEAL_OK it is complete.
///
/// @return as libseal_writer_write(), and LIBSEAL_ERR_INVALID_STATE after a libseal_writer_write() that
///         failed and was not repeated: the message would lack something.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_writer_finish(writer: *mut libseal_writer) -> libseal_status {
    guard(|| {
        // SAFETY: `writer` is NULL or used only by this call.
        let writer = unsafe { libseal_writer::exclusive(writer) }?;
        writer.run(Writer::finish)
    })
}

/// After LIBSEAL_ERR_IO_FAILED: what the callback of the sink returned. 0 if `writer` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_writer_sink_code(writer: *const libseal_writer) -> c_int {
    // SAFETY: `writer` is NULL or does not change during the call.
    guard_value(|| Ok(unsafe { libseal_writer::shared(writer) }?.sink.code))
}

/// Seals on the threads of a pool, in larger pieces, from the next call on.
///
/// @param pool  NULL for the calling thread alone, as at first.
/// @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE if `pool` has ended or was made before a fork().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_writer_set_pool(
    writer: *mut libseal_writer,
    pool: *const libseal_pool,
) -> libseal_status {
    guard(|| {
        // SAFETY: `writer` is NULL or used only by this call, and `pool` stays during it.
        let (writer, lent) = unsafe { (libseal_writer::exclusive(writer)?, Lent::read(pool)?) };
        writer.run(|writer| writer.lend(lent))
    })
}
