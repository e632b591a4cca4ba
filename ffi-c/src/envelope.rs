//! Envelope.

use libseal::{Envelope, Error};

use crate::{
    boundary::{
        failure::{Failure, Named},
        guard::guard,
        pointer::output,
        sized::{SizedStruct, read_sized},
    },
    context::{Context, libseal_context_pair, read_context},
    random::{Source, libseal_random},
    recipient::{Recipients, libseal_recipient, read_recipients},
    status::libseal_status,
};

/// What a message is sealed with: for whom, with which encryption context, and with whose random bytes.
///
/// A call that takes an envelope can refuse what is in it:
///
/// - LIBSEAL_ERR_NO_RECIPIENTS, LIBSEAL_ERR_TOO_MANY_RECIPIENTS, LIBSEAL_ERR_KEY_ID_TOO_LONG,
///   LIBSEAL_ERR_UNSUPPORTED_ALGORITHM;
/// - LIBSEAL_ERR_CONTEXT_TOO_LONG, LIBSEAL_ERR_CONTEXT_KEY_EMPTY, LIBSEAL_ERR_CONTEXT_KEY_DUPLICATE,
///   LIBSEAL_ERR_CONTEXT_KEY_RESERVED;
/// - LIBSEAL_ERR_INVALID_UTF8 for a text;
/// - LIBSEAL_ERR_NOT_FILLED for a key that was not filled; LIBSEAL_ERR_INVALID_ARGUMENT for an unknown
///   algorithm, or too many pairs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct libseal_envelope {
    /// sizeof(libseal_envelope).
    pub size: usize,
    /// 1 to LIBSEAL_MAX_RECIPIENTS of them.
    pub recipients: *const libseal_recipient,
    /// How many there are.
    pub recipient_count: usize,
    /// At most LIBSEAL_MAX_CONTEXT_PAIRS pairs, in any order; NULL if there are none.
    pub context: *const libseal_context_pair,
    /// How many there are.
    pub context_count: usize,
    /// Where random bytes come from; NULL for the operating system. The library for firmware does not
    /// know one, so it must not be NULL there.
    pub random: *const libseal_random,
}

// SAFETY: pointers and numbers.
unsafe impl SizedStruct for libseal_envelope {
    const FIRST_SIZE: usize = size_of::<Self>();
}

/// What an envelope points to: empty until it is read. It is made by the caller and filled where it
/// stays, because it is too large to move about on a small stack.
#[derive(Default)]
pub(crate) struct EnvelopeParts<'a> {
    recipients: Recipients<'a>,
    context: Context<'a>,
    random: Source,
}

impl EnvelopeParts<'_> {
    /// # Safety
    /// `envelope` is NULL, or nothing changes it or anything that it points to while the parts are in
    /// use.
    pub(crate) unsafe fn read(&mut self, envelope: *const libseal_envelope) -> Result<(), Failure> {
        // SAFETY: the envelope and all that it points to do not change.
        unsafe {
            let envelope = read_sized(envelope).of("envelope")?;
            read_recipients(
                envelope.recipients,
                envelope.recipient_count,
                &mut self.recipients,
            )?;
            read_context(envelope.context, envelope.context_count, &mut self.context)?;
            self.random = Source::read(envelope.random)?;
        }
        Ok(())
    }

    pub(crate) fn envelope(&self) -> Envelope<'_, Source> {
        Envelope::new(&self.recipients)
            .with_context(&self.context)
            .with_random(self.random)
    }
}

/// The body of a function that computes a length from an envelope.
///
/// # Safety
/// As [`EnvelopeParts::read`] and [`output`].
pub(crate) unsafe fn length<T: Default>(
    envelope: *const libseal_envelope,
    len: *mut T,
    compute: impl FnOnce(Envelope<'_, Source>) -> Result<T, Error>,
) -> libseal_status {
    guard(|| {
        let mut parts = EnvelopeParts::default();
        // SAFETY: `len` is memory for a number, and the envelope does not change during the call.
        let len = unsafe {
            let len = output(len, T::default()).of("len")?;
            parts.read(envelope)?;
            len
        };
        *len = compute(parts.envelope())?;
        Ok(())
    })
}
