//! Envelopes: what a message is sealed with, and where sealing starts.

#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};
use core::{fmt, mem::MaybeUninit};

use zeroize::Zeroizing;

use crate::{
    crypto::{
        random::{LastAnswer, Random, RandomSource, SystemRandom},
        secret::DataKey,
        stack::with_wiped_stack,
    },
    error::{Error, ErrorKind},
    header::write as header,
    payload::{keys::MessageKeys, layout, threads::Threads},
    process::Process,
    recipient::Recipient,
    sealer::{Sealer, seal_rest},
};

/// What a message is sealed with: for whom, with which encryption context, and with whose random
/// bytes. All sealing starts here.
///
/// ```
/// # let der = include_bytes!("../tests/vectors/keys/rsa-2048.pub.der");
/// use libseal::{Envelope, PublicKey, Recipient};
///
/// let key = PublicKey::new(der)?;
/// let recipients = [Recipient::new(&key).with_key_id("alias/example")];
/// let envelope = Envelope::new(&recipients).with_context(&[("device", "42")]);
/// let message = envelope.seal(b"21.5 C")?;
/// # Ok::<(), libseal::Error>(())
/// ```
///
/// It borrows everything and needs no heap. One envelope seals any number of messages, each under a
/// data key of its own. For many short messages under one data key, make a [`SealingKey`] from it;
/// for a stream, a [`SealWriter`].
///
/// [`SealingKey`]: crate::SealingKey
/// [`SealWriter`]: crate::SealWriter
#[derive(Clone, Copy)]
pub struct Envelope<'a, R = SystemRandom> {
    pub(crate) recipients: &'a [Recipient<'a>],
    pub(crate) context: &'a [(&'a str, &'a str)],
    pub(crate) random: R,
}

impl<'a> Envelope<'a> {
    /// An envelope for 1 to [`MAX_RECIPIENTS`](crate::MAX_RECIPIENTS) recipients, each of which can
    /// unseal the message alone. The encryption context is empty, and random bytes come from the
    /// operating system: see [`SystemRandom`].
    #[must_use]
    pub const fn new(recipients: &'a [Recipient<'a>]) -> Self {
        Self {
            recipients,
            context: &[],
            random: SystemRandom,
        }
    }
}

impl<'a, R> Envelope<'a, R> {
    /// Binds an encryption context: pairs that anyone can read and no one can change unnoticed, in
    /// any order. At most [`MAX_CONTEXT_LEN`](crate::MAX_CONTEXT_LEN) bytes, with 4 bytes of overhead
    /// for each pair.
    #[must_use]
    pub fn with_context(self, context: &'a [(&'a str, &'a str)]) -> Self {
        Self { context, ..self }
    }

    /// Takes random bytes from `random`: for a device without an operating system, or with a
    /// generator of its own.
    #[must_use]
    pub fn with_random<S: RandomSource>(self, random: S) -> Envelope<'a, S> {
        Envelope {
            recipients: self.recipients,
            context: self.context,
            random,
        }
    }

    /// Length of the header that messages in this envelope begin with.
    ///
    /// # Errors
    /// If recipients or context break a rule: [`NoRecipients`](ErrorKind::NoRecipients),
    /// [`TooManyRecipients`](ErrorKind::TooManyRecipients),
    /// [`KeyIdTooLong`](ErrorKind::KeyIdTooLong), [`ContextTooLong`](ErrorKind::ContextTooLong),
    /// [`ContextKeyEmpty`](ErrorKind::ContextKeyEmpty),
    /// [`ContextKeyDuplicate`](ErrorKind::ContextKeyDuplicate),
    /// [`ContextKeyReserved`](ErrorKind::ContextKeyReserved).
    pub fn header_len(&self) -> Result<usize, Error> {
        header::encoded_len(self.recipients, self.context)
    }

    /// Exactly how many bytes [`start`](Self::start) will write: at least 390 (RSA-2048, no context,
    /// no key id), at most about 49 KiB.
    ///
    /// # Errors
    /// As [`header_len`](Self::header_len).
    pub fn start_len(&self) -> Result<usize, Error> {
        Ok(self.header_len()? + layout::START_LEN)
    }

    /// Length of a sealed message with `plaintext_len` bytes of plaintext.
    ///
    /// # Errors
    /// As [`header_len`](Self::header_len), and [`MessageTooLong`](ErrorKind::MessageTooLong) from
    /// 4 PiB.
    pub fn sealed_len(&self, plaintext_len: u64) -> Result<u64, Error> {
        Ok(self.header_len()? as u64 + layout::sealed_len(plaintext_len)?)
    }
}

impl<R: RandomSource> Envelope<'_, R> {
    /// Begins a message: draws a data key, wraps it for each recipient, and writes the first
    /// [`start_len`](Self::start_len) bytes of the message to `out`. After an error `out` holds
    /// nothing of use.
    ///
    /// # Errors
    /// As [`header_len`](Self::header_len); [`BufferTooSmall`](ErrorKind::BufferTooSmall);
    /// [`UnsupportedAlgorithm`](ErrorKind::UnsupportedAlgorithm) if a recipient's algorithm needs a
    /// feature that is off; [`RandomFailed`](ErrorKind::RandomFailed), or what the source of random
    /// bytes returned.
    pub fn start(&self, out: &mut [u8]) -> Result<Sealer, Error> {
        let process = Process::current()?;
        self.with_keys(out, |keys| Ok(Sealer::new(keys, process, u64::MAX)))
    }

    /// As [`start`](Self::start), and makes the sealer in its final place. Without `alloc` a sealer is
    /// some 400 bytes long: too large to be moved on a stack of a few KiB, where each move would leave
    /// a copy of the key behind.
    ///
    /// # Errors
    /// As [`start`](Self::start); `place` is left as it was then.
    pub fn start_in<'p>(
        &self,
        place: &'p mut MaybeUninit<Sealer>,
        out: &mut [u8],
    ) -> Result<&'p mut Sealer, Error> {
        let process = Process::current()?;
        self.with_keys(out, |keys| {
            Ok(Sealer::new_in(place, keys, process, u64::MAX))
        })
    }

    /// Seals `plaintext` in one call.
    ///
    /// # Errors
    /// As [`start`](Self::start), and [`MessageTooLong`](ErrorKind::MessageTooLong).
    #[cfg(feature = "alloc")]
    pub fn seal(&self, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        let len = self.sealed_len(plaintext.len() as u64)?;
        let mut message = vec![0; usize::try_from(len).map_err(|_| ErrorKind::MessageTooLong)?];
        self.seal_into(plaintext, &mut message)?;
        Ok(message)
    }

    /// Seals `plaintext` in one call into a buffer, without a heap. Returns how many bytes it wrote:
    /// [`sealed_len`](Self::sealed_len). `out` may be longer.
    ///
    /// # Errors
    /// As [`start`](Self::start), and [`MessageTooLong`](ErrorKind::MessageTooLong).
    pub fn seal_into(&self, plaintext: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let start_len = self.start_len()?;
        let len = self.sealed_len(plaintext.len() as u64)?;
        let message = first(out, len)?;
        let split = message.split_at_mut_checked(start_len);
        let (start, rest) = split.ok_or(ErrorKind::Internal)?;
        self.with_keys(start, |keys| seal_rest(keys, plaintext, rest, Threads::ALL))?;
        Ok(start.len() + rest.len())
    }

    /// Begins a message, and wipes the stack when `work` with its keys is done.
    #[inline(always)]
    fn with_keys<T>(
        &self,
        out: &mut [u8],
        work: impl FnOnce(&MessageKeys) -> Result<T, Error>,
    ) -> Result<T, Error> {
        with_wiped_stack(|| {
            let mut keys = MessageKeys::default();
            self.begin(&mut keys, out)?;
            work(&keys)
        })
    }

    /// Draws the keys of a message, and writes its first bytes to the front of `out`.
    ///
    /// Not inlined, so that its stack frame is not there while the rest is sealed.
    #[inline(never)]
    fn begin(&self, keys: &mut MessageKeys, out: &mut [u8]) -> Result<(), Error> {
        let header_len = self.header_len()?;
        let split = out
            .get_mut(..header_len + layout::START_LEN)
            .and_then(|out| out.split_at_mut_checked(header_len));
        let (header, payload_start) = split.ok_or(ErrorKind::BufferTooSmall)?;
        let mut last = LastAnswer::default();
        let mut random = Random::new(&self.random, &mut last);
        let mut data_key = Zeroizing::new([0; DataKey::LEN]);
        let bound_len = self.write_header(&mut data_key, &mut random, header)?;
        let bound = header.get(..bound_len).ok_or(ErrorKind::Internal)?;
        keys.draw(&data_key, bound, &mut random, payload_start)
    }
}

impl<R> Envelope<'_, R> {
    /// Draws a data key and writes the header with it to `out`, of exactly
    /// [`header_len`](Self::header_len) bytes. Returns the length of the part of the header that
    /// payloads are bound to.
    pub(crate) fn write_header(
        &self,
        data_key: &mut [u8; DataKey::LEN],
        random: &mut Random<'_>,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        random.fill(data_key)?;
        header::encode(self.recipients, self.context, data_key, random, out)
    }
}

impl<R> fmt::Debug for Envelope<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("recipients", &self.recipients)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// The first `len` bytes of a buffer.
pub(crate) fn first(out: &mut [u8], len: u64) -> Result<&mut [u8], ErrorKind> {
    let len = usize::try_from(len).map_err(|_| ErrorKind::MessageTooLong)?;
    out.get_mut(..len).ok_or(ErrorKind::BufferTooSmall)
}
