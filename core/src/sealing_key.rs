//! One data key for many messages.

use core::{fmt, ops::Deref};
#[cfg(feature = "std")]
use std::time::{Duration, Instant};

#[cfg(feature = "getrandom")]
use crate::SystemRandom;
use crate::{
    DataKey, Error, ErrorKind, RandomSource, Recipient, Sealer, header, layout,
    payload::MessageKeys,
    random::{LastAnswer, Random},
    sealer::{StartedMessage, exactly},
};

#[cfg(all(feature = "alloc", feature = "getrandom"))]
use alloc::{vec, vec::Vec};

/// How much one [`SealingKey`] seals.
///
/// Every message has keys of its own, derived with a fresh salt, so the cipher needs no limit. The
/// limits bound what is lost with one data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealingLimits {
    messages: u64,
    bytes: u64,
    #[cfg(feature = "std")]
    age: Option<Duration>,
}

impl SealingLimits {
    /// At most so many messages; without it 2^20, a million.
    #[must_use]
    pub const fn with_messages(self, messages: u64) -> Self {
        Self { messages, ..self }
    }

    /// At most so many bytes of plaintext; without it 2^36, 64 GiB.
    #[must_use]
    pub const fn with_bytes(self, bytes: u64) -> Self {
        Self { bytes, ..self }
    }

    /// Only for so long after the data key was drawn, by the clock of [`Instant`]; without it, for any
    /// time.
    #[cfg(feature = "std")]
    #[must_use]
    pub const fn with_age(self, age: Duration) -> Self {
        Self {
            age: Some(age),
            ..self
        }
    }

    /// Messages that may be sealed.
    #[must_use]
    pub const fn messages(self) -> u64 {
        self.messages
    }

    /// Bytes of plaintext that may be sealed.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.bytes
    }

    /// For how long messages may be sealed; `None` for any time.
    #[cfg(feature = "std")]
    #[must_use]
    pub const fn age(self) -> Option<Duration> {
        self.age
    }

    /// Takes a message away.
    fn charge(self, bytes: u64) -> Result<Self, ErrorKind> {
        let messages = self.messages.checked_sub(1);
        let bytes = self.bytes.checked_sub(bytes);
        match (messages, bytes) {
            (Some(messages), Some(bytes)) => Ok(self.with_messages(messages).with_bytes(bytes)),
            _ => Err(ErrorKind::SealingKeyExhausted),
        }
    }
}

impl Default for SealingLimits {
    fn default() -> Self {
        Self {
            messages: 1 << 20,
            bytes: 1 << 36,
            #[cfg(feature = "std")]
            age: None,
        }
    }
}

enum HeaderBytes<'h> {
    Borrowed(&'h [u8]),
    #[cfg(all(feature = "alloc", feature = "getrandom"))]
    Owned(Vec<u8>),
}

impl Deref for HeaderBytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            #[cfg(all(feature = "alloc", feature = "getrandom"))]
            Self::Owned(bytes) => bytes,
        }
    }
}

/// A data key that is wrapped once and seals many messages, each with a fresh salt: for telemetry,
/// where a device pays for RSA once and not for every reading, and the backend for one KMS call.
///
/// The messages are like any others, and each opens alone. All have the same header, so everybody
/// sees that they come from one device, and all have the same encryption context.
///
/// ```
/// # let der = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.der");
/// use libseal::{PublicKey, Recipient, SealingKey, SealingLimits};
///
/// let key = PublicKey::new(der)?;
/// let limits = SealingLimits::default().with_messages(10_000);
/// let mut sealing_key = SealingKey::new(&[Recipient::new(&key)], &[("device", "42")], limits)?;
/// for reading in ["21.5 C", "21.7 C"] {
///     let message = sealing_key.seal(reading.as_bytes())?;
/// }
/// # Ok::<(), libseal::Error>(())
/// ```
#[must_use]
pub struct SealingKey<'h> {
    data_key: DataKey,
    header: HeaderBytes<'h>,
    /// The first bytes of the header, which every payload is bound to.
    payload_context_len: usize,
    left: SealingLimits,
    last: LastAnswer,
    #[cfg(feature = "std")]
    drawn: Instant,
}

impl SealingKey<'static> {
    /// Draws a data key and wraps it for each recipient. For what the arguments mean see
    /// [`Sealer::start`].
    ///
    /// # Errors
    /// As [`Sealer::start`].
    #[cfg(all(feature = "alloc", feature = "getrandom"))]
    pub fn new(
        recipients: &[Recipient<'_>],
        context: &[(&str, &str)],
        limits: SealingLimits,
    ) -> Result<Self, Error> {
        let mut header = vec![0; Self::header_len(recipients, context)?];
        let (random, place) = (&mut SystemRandom, &mut header);
        let key = SealingKey::new_with_random(recipients, context, limits, random, place)?;
        Ok(Self {
            data_key: key.data_key,
            payload_context_len: key.payload_context_len,
            left: key.left,
            last: key.last,
            #[cfg(feature = "std")]
            drawn: key.drawn,
            header: HeaderBytes::Owned(header),
        })
    }
}

impl<'h> SealingKey<'h> {
    /// Bytes of the header, for [`new_with_random`](Self::new_with_random).
    ///
    /// # Errors
    /// As [`Sealer::start_len`].
    pub fn header_len(
        recipients: &[Recipient<'_>],
        context: &[(&str, &str)],
    ) -> Result<usize, Error> {
        header::encoded_len(recipients, context)
    }

    /// As [`new`](Self::new), without a heap and without an operating system: `header` has
    /// [`header_len`](Self::header_len) bytes or more.
    ///
    /// # Errors
    /// As [`Sealer::start_with_random`].
    pub fn new_with_random(
        recipients: &[Recipient<'_>],
        context: &[(&str, &str)],
        limits: SealingLimits,
        random: &mut dyn RandomSource,
        header: &'h mut [u8],
    ) -> Result<Self, Error> {
        let len = Self::header_len(recipients, context)?;
        let header = header.get_mut(..len).ok_or(ErrorKind::BufferTooSmall)?;
        let mut last = LastAnswer::default();
        let mut random = Random::new(random, &mut last);
        let data_key = DataKey::generate(&mut random)?;
        let payload_context_len =
            header::encode(recipients, context, &data_key, &mut random, header)?.len();
        Ok(Self {
            data_key,
            header: HeaderBytes::Borrowed(header),
            payload_context_len,
            left: limits,
            last,
            #[cfg(feature = "std")]
            drawn: Instant::now(),
        })
    }

    /// What is left of the limits now.
    pub fn left(&self) -> SealingLimits {
        #[cfg(feature = "std")]
        if let Some(age) = self.left.age {
            return self.left.with_age(age.saturating_sub(self.drawn.elapsed()));
        }
        self.left
    }

    /// What is left after one more message.
    fn charge(&self, bytes: u64) -> Result<SealingLimits, ErrorKind> {
        #[cfg(feature = "std")]
        if self.left().age.is_some_and(|age| age.is_zero()) {
            return Err(ErrorKind::SealingKeyExhausted);
        }
        self.left.charge(bytes)
    }

    /// Exactly what [`start`](Self::start) writes.
    #[must_use]
    pub fn start_len(&self) -> usize {
        self.header.len() + layout::START_LEN
    }

    /// Length of a sealed message of `plaintext_len` bytes.
    ///
    /// # Errors
    /// [`MessageTooLong`](ErrorKind::MessageTooLong) from 4 PiB.
    pub fn sealed_len(&self, plaintext_len: u64) -> Result<u64, Error> {
        Ok(self.header.len() as u64 + layout::sealed_len(plaintext_len)?)
    }

    /// Begins a message of at most `max_len` bytes, which are taken from the limits at once, and
    /// writes its first [`start_len`](Self::start_len) bytes to `out`. The sealer is independent of
    /// this key from then on.
    ///
    /// A stream of unknown length is better off with a data key of its own: [`Sealer::start`].
    ///
    /// # Errors
    /// [`SealingKeyExhausted`](ErrorKind::SealingKeyExhausted),
    /// [`MessageTooLong`](ErrorKind::MessageTooLong) for a `max_len` from 4 PiB,
    /// [`BufferTooSmall`](ErrorKind::BufferTooSmall), [`RandomFailed`](ErrorKind::RandomFailed);
    /// the limits are as before then.
    #[cfg(feature = "getrandom")]
    pub fn start(&mut self, max_len: u64, out: &mut [u8]) -> Result<Sealer, Error> {
        self.start_with_random(max_len, &mut SystemRandom, out)
    }

    /// As [`start`](Self::start), with a source of random bytes.
    ///
    /// # Errors
    /// As [`start`](Self::start), and what `random` returns.
    pub fn start_with_random(
        &mut self,
        max_len: u64,
        random: &mut dyn RandomSource,
        out: &mut [u8],
    ) -> Result<Sealer, Error> {
        Ok((&self.start_message(max_len, random, out)?).into())
    }

    /// As [`start_with_random`](Self::start_with_random), before the sealer is made.
    #[doc(hidden)]
    pub fn start_message(
        &mut self,
        max_len: u64,
        random: &mut dyn RandomSource,
        out: &mut [u8],
    ) -> Result<StartedMessage, Error> {
        layout::sealed_len(max_len)?;
        let left = self.charge(max_len)?;
        let start_len = self.start_len();
        let out = out.get_mut(..start_len);
        let (header, payload_start) = out
            .and_then(|out| out.split_at_mut_checked(self.header.len()))
            .ok_or(ErrorKind::BufferTooSmall)?;
        header.copy_from_slice(&self.header);
        let payload_context = self.header.get(..self.payload_context_len);
        let keys = MessageKeys::draw(
            &self.data_key,
            payload_context.ok_or(ErrorKind::Internal)?,
            &mut Random::new(random, &mut self.last),
            payload_start,
        )?;
        self.left = left;
        Ok(StartedMessage::with_keys(keys, start_len, max_len))
    }

    /// Seals `plaintext` in one call.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    #[cfg(all(feature = "alloc", feature = "getrandom"))]
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        // Before there is a buffer of this length.
        self.charge(plaintext.len() as u64)?;
        let len = self.sealed_len(plaintext.len() as u64)?;
        let mut message = vec![0; usize::try_from(len).map_err(|_| ErrorKind::MessageTooLong)?];
        self.seal_into(plaintext, &mut message)?;
        Ok(message)
    }

    /// Seals `plaintext` in one call into a buffer, and returns how many bytes it wrote:
    /// [`sealed_len`](Self::sealed_len).
    ///
    /// # Errors
    /// As [`start`](Self::start).
    #[cfg(feature = "getrandom")]
    pub fn seal_into(&mut self, plaintext: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        self.seal_into_with_random(plaintext, &mut SystemRandom, out)
    }

    /// As [`seal_into`](Self::seal_into), with a source of random bytes.
    ///
    /// # Errors
    /// As [`start_with_random`](Self::start_with_random).
    pub fn seal_into_with_random(
        &mut self,
        plaintext: &[u8],
        random: &mut dyn RandomSource,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let plaintext_len = plaintext.len() as u64;
        let message = exactly(out, self.sealed_len(plaintext_len)?)?;
        let started = self.start_message(plaintext_len, random, message)?;
        started.seal_rest(plaintext, message)
    }
}

impl fmt::Debug for SealingKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey")
            .field("left", &self.left())
            .finish_non_exhaustive()
    }
}
