//! One data key for many messages.

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, vec, vec::Vec};
use core::{
    fmt,
    mem::MaybeUninit,
    ops::{Deref, DerefMut},
};
#[cfg(feature = "std")]
use std::time::Duration;

use zeroize::Zeroizing;

#[cfg(feature = "std")]
use crate::clock;
#[cfg(feature = "alloc")]
use crate::{crypto::ExpandKey, many::ManySealer};
use crate::{
    crypto::{
        random::{LastAnswer, Random, RandomSource, SystemRandom},
        secret::DataKey,
        stack::with_wiped_stack,
    },
    envelope::{Envelope, first},
    error::{Error, ErrorKind},
    payload::{keys::MessageKeys, layout, threads::Threads},
    process::Process,
    sealer::{Sealer, seal_rest},
};

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
    /// At most `messages` messages. Without it 2^20, about a million.
    #[must_use]
    pub const fn with_messages(self, messages: u64) -> Self {
        Self { messages, ..self }
    }

    /// At most `bytes` bytes of plaintext in all. Without it 2^36, 64 GiB.
    #[must_use]
    pub const fn with_bytes(self, bytes: u64) -> Self {
        Self { bytes, ..self }
    }

    /// No messages later than `age` after the data key was drawn, by a clock that goes on while the
    /// machine sleeps. Without it, age does not matter, and no clock is read.
    ///
    /// There is no clock on `wasm32-unknown-unknown`, and so no age limit.
    #[cfg(all(
        feature = "std",
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
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

    /// How long messages may be sealed; `None` if age does not matter.
    #[cfg(feature = "std")]
    #[must_use]
    pub const fn age(self) -> Option<Duration> {
        self.age
    }

    /// Takes messages away.
    fn charge(self, messages: u64, bytes: u64) -> Result<Self, ErrorKind> {
        let messages = self.messages.checked_sub(messages);
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
    #[cfg(feature = "alloc")]
    Owned(Vec<u8>),
}

impl Deref for HeaderBytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            #[cfg(feature = "alloc")]
            Self::Owned(bytes) => bytes,
        }
    }
}

/// A data key that is wrapped once and seals many messages, each with a fresh salt. For telemetry: a
/// device pays for RSA once and not for every reading, and the backend for one KMS call.
///
/// Each message is complete in itself and opens alone. All have the same header, so anyone can see
/// that they come from one device, and all have the same encryption context.
///
/// A sealing key does not survive `fork()`: in the child, calls that seal fail with
/// [`InvalidState`](ErrorKind::InvalidState). If both processes could seal, its limits would not hold.
///
/// ```
/// # let der = include_bytes!("../tests/vectors/keys/rsa-2048.pub.der");
/// use libseal::{Envelope, PublicKey, Recipient, SealingKey, SealingLimits};
///
/// let key = PublicKey::new(der)?;
/// let recipients = [Recipient::new(&key)];
/// let envelope = Envelope::new(&recipients).with_context(&[("device", "42")]);
///
/// let limits = SealingLimits::default().with_messages(10_000);
/// let mut sealing_key = SealingKey::new(envelope, limits)?;
/// for reading in ["21.5 C", "21.7 C"] {
///     let message = sealing_key.seal(reading.as_bytes())?;
/// }
/// # Ok::<(), libseal::Error>(())
/// ```
///
/// The backend unwraps the data key once, if a [`CachingUnwrapper`](crate::CachingUnwrapper) keeps it.
/// [`UnsealingKey`](crate::UnsealingKey) and [`unseal_many`](crate::unseal_many) are faster still: they
/// verify the header once, too.
///
/// ```
/// # let der = include_bytes!("../tests/vectors/keys/rsa-2048.pub.der");
/// # let private_pem = include_bytes!("../tests/vectors/keys/rsa-2048.key.pem");
/// # let key = libseal::PublicKey::new(der)?;
/// # let recipients = [libseal::Recipient::new(&key)];
/// # let mut sealing_key =
/// #     libseal::SealingKey::new(libseal::Envelope::new(&recipients), Default::default())?;
/// # let messages = [sealing_key.seal(b"21.5 C")?, sealing_key.seal(b"21.7 C")?];
/// # let unwrapper = libseal::LocalUnwrapper::new(private_pem, None)?;
/// use libseal::{CacheLimits, CachingUnwrapper, unseal};
///
/// let unwrapper = CachingUnwrapper::new(unwrapper, CacheLimits::default());
/// for message in &messages {
///     let reading = unseal(message, &unwrapper, &[])?;
/// }
/// # Ok::<(), libseal::Error>(())
/// ```
#[must_use]
pub struct SealingKey<'h, R = SystemRandom> {
    drawn: Held,
    header: HeaderBytes<'h>,
    random: R,
}

impl<R: RandomSource> SealingKey<'static, R> {
    /// Draws a data key and wraps it for each recipient of the envelope.
    ///
    /// # Errors
    /// As [`Envelope::start`].
    #[cfg(feature = "alloc")]
    pub fn new(envelope: Envelope<'_, R>, limits: SealingLimits) -> Result<Self, Error> {
        let mut header = vec![0; envelope.header_len()?];
        let mut drawn = Box::new(Drawn::new(limits)?);
        with_wiped_stack(|| drawn.draw(&envelope, &mut header))?;
        Ok(Self {
            drawn: Held::Boxed(drawn),
            header: HeaderBytes::Owned(header),
            random: envelope.random,
        })
    }
}

impl<'h, R: RandomSource> SealingKey<'h, R> {
    /// As [`new`](Self::new), without a heap: keeps the header in `header`, of
    /// [`Envelope::header_len`] bytes or more. Moving the key leaves copies of it on the stack: see
    /// [`new_in_place`](Self::new_in_place).
    ///
    /// # Errors
    /// As [`Envelope::start`].
    pub fn new_in(
        envelope: Envelope<'_, R>,
        limits: SealingLimits,
        header: &'h mut [u8],
    ) -> Result<Self, Error> {
        let len = envelope.header_len()?;
        let header = header.get_mut(..len).ok_or(ErrorKind::BufferTooSmall)?;
        let mut drawn = Drawn::new(limits)?;
        with_wiped_stack(|| drawn.draw(&envelope, header))?;
        Ok(Self {
            drawn: Held::Inline(drawn),
            header: HeaderBytes::Borrowed(header),
            random: envelope.random,
        })
    }

    /// As [`new_in`](Self::new_in), and makes the key in its final place: no copy of it is left on the
    /// stack.
    ///
    /// # Errors
    /// As [`Envelope::start`]; `place` is left as it was then.
    pub fn new_in_place<'p>(
        place: &'p mut MaybeUninit<Self>,
        envelope: Envelope<'_, R>,
        limits: SealingLimits,
        header: &'h mut [u8],
    ) -> Result<&'p mut Self, Error> {
        // On its way to its place, the key is moved.
        with_wiped_stack(|| Ok(place.write(Self::new_in(envelope, limits, header)?)))
    }

    /// What is left of the limits now.
    pub fn left(&self) -> SealingLimits {
        self.drawn.left()
    }

    /// Exactly how many bytes [`start`](Self::start) writes.
    #[must_use]
    pub fn start_len(&self) -> usize {
        self.header.len() + layout::START_LEN
    }

    /// Length of a sealed message with `plaintext_len` bytes of plaintext.
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
    /// A stream of unknown length is better off with a data key of its own: [`Envelope::start`].
    ///
    /// # Errors
    /// [`SealingKeyExhausted`](ErrorKind::SealingKeyExhausted),
    /// [`MessageTooLong`](ErrorKind::MessageTooLong) for a `max_len` from 4 PiB,
    /// [`BufferTooSmall`](ErrorKind::BufferTooSmall), [`RandomFailed`](ErrorKind::RandomFailed) or
    /// what the source of random bytes returned; [`InvalidState`](ErrorKind::InvalidState) in a forked
    /// child. The limits are as before then.
    pub fn start(&mut self, max_len: u64, out: &mut [u8]) -> Result<Sealer, Error> {
        let process = Process::current()?;
        self.with_keys(max_len, out, |keys| Ok(Sealer::new(keys, process, max_len)))
    }

    /// As [`start`](Self::start), and makes the sealer in its final place: see
    /// [`Envelope::start_in`].
    ///
    /// # Errors
    /// As [`start`](Self::start); `place` is left as it was then.
    pub fn start_in<'p>(
        &mut self,
        place: &'p mut MaybeUninit<Sealer>,
        max_len: u64,
        out: &mut [u8],
    ) -> Result<&'p mut Sealer, Error> {
        let process = Process::current()?;
        self.with_keys(max_len, out, |keys| {
            Ok(Sealer::new_in(place, keys, process, max_len))
        })
    }

    /// Seals `plaintext` in one call.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    #[cfg(feature = "alloc")]
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        // Before there is a buffer of this length.
        self.drawn.charge(1, plaintext.len() as u64)?;
        let len = self.sealed_len(plaintext.len() as u64)?;
        let mut message = vec![0; usize::try_from(len).map_err(|_| ErrorKind::MessageTooLong)?];
        self.seal_into(plaintext, &mut message)?;
        Ok(message)
    }

    /// Seals `plaintext` in one call into a buffer. Returns how many bytes it wrote:
    /// [`sealed_len`](Self::sealed_len). `out` may be longer.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn seal_into(&mut self, plaintext: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let message = first(out, self.sealed_len(plaintext.len() as u64)?)?;
        let split = message.split_at_mut_checked(self.start_len());
        let (start, rest) = split.ok_or(ErrorKind::Internal)?;
        let len = plaintext.len() as u64;
        self.with_keys(len, start, |keys| {
            seal_rest(keys, plaintext, rest, Threads::ALL)
        })?;
        Ok(start.len() + rest.len())
    }

    /// Seals many messages in one call, in less than two thirds of the time of as many calls of
    /// [`seal`](Self::seal). With the feature `rayon`, a call that runs inside a thread pool is spread
    /// over the threads of that pool.
    ///
    /// # Errors
    /// As [`start`](Self::start); nothing is sealed then.
    ///
    /// ```
    /// # let der = include_bytes!("../tests/vectors/keys/rsa-2048.pub.der");
    /// # let key = libseal::PublicKey::new(der)?;
    /// # let recipients = [libseal::Recipient::new(&key)];
    /// # let envelope = libseal::Envelope::new(&recipients);
    /// let mut sealing_key = libseal::SealingKey::new(envelope, Default::default())?;
    /// let messages = sealing_key.seal_many(&[b"21.5 C", b"21.7 C"])?;
    /// # assert_eq!(messages.len(), 2);
    /// # Ok::<(), libseal::Error>(())
    /// ```
    #[cfg(feature = "alloc")]
    pub fn seal_many(&mut self, plaintexts: &[impl AsRef<[u8]>]) -> Result<Vec<Vec<u8>>, Error> {
        let lens = plaintexts.iter().map(|text| text.as_ref().len() as u64);
        let sealer = self.start_many(lens.collect())?;
        let room = |text: &[u8]| {
            let len = self.sealed_len(text.len() as u64)?;
            let len = usize::try_from(len).map_err(|_| ErrorKind::MessageTooLong)?;
            Ok(vec![0; len])
        };
        let messages = plaintexts.iter().map(|text| room(text.as_ref()));
        let mut messages = messages.collect::<Result<Vec<_>, Error>>()?;
        let texts = plaintexts.iter().map(AsRef::as_ref);
        let mut items: Vec<_> = texts
            .zip(messages.iter_mut().map(Vec::as_mut_slice))
            .collect();
        sealer.seal(&mut items, None)?;
        Ok(messages)
    }

    /// Begins many messages at once, whose plaintexts are as long as `plaintext_lens` say. They are
    /// taken from the limits, and the [`ManySealer`] is independent of this key from then on: it
    /// seals into buffers of the caller, on another thread for example.
    ///
    /// # Errors
    /// As [`start`](Self::start); the limits are as before then.
    #[cfg(feature = "alloc")]
    pub fn start_many(&mut self, plaintext_lens: Vec<u64>) -> Result<ManySealer, Error> {
        let mut bytes = Some(0_u64);
        for len in &plaintext_lens {
            layout::sealed_len(*len)?;
            bytes = bytes.and_then(|bytes| bytes.checked_add(*len));
        }
        let bytes = bytes.ok_or(ErrorKind::SealingKeyExhausted)?;
        let left = self.drawn.charge(plaintext_lens.len() as u64, bytes)?;
        let process = Process::current()?;
        let mut salts = vec![[0; layout::SALT_LEN]; plaintext_lens.len()];
        let mut random = Random::new(&self.random, &mut self.drawn.last);
        random.fill_each(salts.as_flattened_mut(), layout::SALT_LEN)?;
        let data_key = with_wiped_stack(|| Box::new(ExpandKey::new(&self.drawn.data_key)));
        self.drawn.left = left;
        Ok(ManySealer {
            header: self.header.to_vec(),
            bound_len: self.drawn.bound_len,
            data_key,
            begun: plaintext_lens.into_iter().zip(salts).collect(),
            process,
        })
    }

    /// Begins a message, and wipes the stack when `work` with its keys is done.
    #[inline(always)]
    fn with_keys<T>(
        &mut self,
        max_len: u64,
        out: &mut [u8],
        work: impl FnOnce(&MessageKeys) -> Result<T, Error>,
    ) -> Result<T, Error> {
        with_wiped_stack(|| {
            let mut keys = MessageKeys::default();
            self.begin(&mut keys, max_len, out)?;
            work(&keys)
        })
    }

    /// Draws the keys of a message, and writes its first bytes.
    #[inline(never)]
    fn begin(&mut self, keys: &mut MessageKeys, max_len: u64, out: &mut [u8]) -> Result<(), Error> {
        layout::sealed_len(max_len)?;
        let left = self.drawn.charge(1, max_len)?;
        let split = out
            .get_mut(..self.start_len())
            .and_then(|out| out.split_at_mut_checked(self.header.len()));
        let (header, payload_start) = split.ok_or(ErrorKind::BufferTooSmall)?;
        header.copy_from_slice(&self.header);
        self.drawn
            .draw_message_keys(keys, header, &self.random, payload_start)?;
        self.drawn.left = left;
        Ok(())
    }
}

/// In one place on the heap, if there may be one: moving the key leaves nothing behind.
enum Held {
    Inline(Drawn),
    #[cfg(feature = "alloc")]
    Boxed(Box<Drawn>),
}

impl Deref for Held {
    type Target = Drawn;

    fn deref(&self) -> &Drawn {
        match self {
            Self::Inline(drawn) => drawn,
            #[cfg(feature = "alloc")]
            Self::Boxed(drawn) => drawn,
        }
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Drawn {
        match self {
            Self::Inline(drawn) => drawn,
            #[cfg(feature = "alloc")]
            Self::Boxed(drawn) => drawn,
        }
    }
}

/// A data key, and what was written down when it was drawn.
struct Drawn {
    data_key: Zeroizing<[u8; DataKey::LEN]>,
    /// The first bytes of the header, which every payload is bound to.
    bound_len: usize,
    left: SealingLimits,
    last: LastAnswer,
    process: Process,
    /// When it was drawn, if age matters.
    #[cfg(feature = "std")]
    since: Option<Duration>,
}

impl Drawn {
    /// To be [drawn](Self::draw).
    fn new(limits: SealingLimits) -> Result<Self, Error> {
        Ok(Self {
            data_key: Zeroizing::new([0; DataKey::LEN]),
            bound_len: 0,
            left: limits,
            last: LastAnswer::default(),
            process: Process::current()?,
            #[cfg(feature = "std")]
            since: limits.age.and_then(|_| clock::now()),
        })
    }

    /// `header` is as long as the header will be.
    fn draw<R: RandomSource>(
        &mut self,
        envelope: &Envelope<'_, R>,
        header: &mut [u8],
    ) -> Result<(), Error> {
        let mut random = Random::new(&envelope.random, &mut self.last);
        self.bound_len = envelope.write_header(&mut self.data_key, &mut random, header)?;
        Ok(())
    }

    fn left(&self) -> SealingLimits {
        #[cfg(feature = "std")]
        if let Some(age) = self.left.age {
            // If there is no clock, no time is left.
            let times = self.since.zip(clock::now());
            let elapsed = times.map_or(age, |(since, now)| now.saturating_sub(since));
            let age = Some(age.saturating_sub(elapsed));
            return SealingLimits { age, ..self.left };
        }
        self.left
    }

    /// What is left after so many more messages.
    fn charge(&self, messages: u64, bytes: u64) -> Result<SealingLimits, Error> {
        self.process.check(
            "the sealing key was made before a fork(): only the process that made it can seal with it; \
             make another one here",
        )?;
        #[cfg(feature = "std")]
        if self.left().age.is_some_and(|age| age.is_zero()) {
            return Err(ErrorKind::SealingKeyExhausted.into());
        }
        Ok(self.left.charge(messages, bytes)?)
    }

    fn draw_message_keys(
        &mut self,
        keys: &mut MessageKeys,
        header: &[u8],
        random: &dyn RandomSource,
        payload_start: &mut [u8],
    ) -> Result<(), Error> {
        let bound = header.get(..self.bound_len).ok_or(ErrorKind::Internal)?;
        let mut random = Random::new(random, &mut self.last);
        keys.draw(&self.data_key, bound, &mut random, payload_start)
    }
}

impl<R: RandomSource> fmt::Debug for SealingKey<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey")
            .field("left", &self.left())
            .finish_non_exhaustive()
    }
}
