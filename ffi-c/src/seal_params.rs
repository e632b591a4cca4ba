//! What a message is sealed with.

use libseal::Error;

use crate::{
    context::{Pairs, libseal_context_pair, read_context},
    guard::{Failure, guard},
    pointer::{output, shared},
    random::{Source, libseal_random},
    recipient::{Recipients, libseal_recipient, read_recipients},
    status::libseal_status,
};

/// What a message is sealed with: for whom, with which public context, with whose random bytes.
///
/// `{.recipients = &recipient, .recipient_count = 1}` is all that is needed on a machine with an
/// operating system. Borrowed, with all that it points to, until the call that takes it returns.
#[repr(C)]
pub struct libseal_seal_params {
    /// 1 to LIBSEAL_MAX_RECIPIENTS of them.
    pub recipients: *const libseal_recipient,
    /// How many there are.
    pub recipient_count: usize,
    /// At most LIBSEAL_MAX_CONTEXT_PAIRS pairs, in any order; NULL if there are none.
    pub context: *const libseal_context_pair,
    /// How many there are.
    pub context_count: usize,
    /// Where random bytes come from; NULL for the operating system. The library for firmware knows no
    /// operating system: it must not be NULL there.
    pub random: *const libseal_random,
}

/// The same for Rust: empty until it is read. Made by the caller and filled in its place, because it
/// is too large to move about on a small stack.
#[derive(Default)]
pub(crate) struct SealParams<'a> {
    pub(crate) recipients: Recipients<'a>,
    pub(crate) context: Pairs<'a>,
    pub(crate) random: Source,
}

impl SealParams<'_> {
    /// # Safety
    /// `params` is NULL, or nobody changes it or anything that it points to while these are there.
    pub(crate) unsafe fn read(
        &mut self,
        params: *const libseal_seal_params,
    ) -> Result<(), Failure> {
        // SAFETY: the caller's word, here and below.
        let params = unsafe { shared(params) }?;
        // SAFETY: as above.
        unsafe {
            read_recipients(
                params.recipients,
                params.recipient_count,
                &mut self.recipients,
            )?;
            read_context(params.context, params.context_count, &mut self.context)?;
            self.random = Source::read(params.random)?;
        }
        Ok(())
    }
}

/// The body of a function that computes a length from parameters.
///
/// # Safety
/// As [`SealParams::read`] and [`output`].
pub(crate) unsafe fn length<T: Default>(
    params: *const libseal_seal_params,
    len: *mut T,
    compute: impl FnOnce(&SealParams<'_>) -> Result<T, Error>,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        let len = unsafe { output(len, T::default()) }?;
        let mut sealing = SealParams::default();
        // SAFETY: the caller's word.
        unsafe { sealing.read(params) }?;
        *len = compute(&sealing)?;
        Ok(())
    })
}
