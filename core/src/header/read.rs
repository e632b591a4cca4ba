//! Reading a header, and what it says.

use alloc::vec::Vec;
use core::ops::Range;

use subtle::ConstantTimeEq;

use super::{MAC_LEN, MAGIC, MAX_HEADER_LEN, SUITE, VERSION, mac, refusal};
use crate::{
    context::{
        MAX_CONTEXT_LEN,
        read::{self as context, Pairs},
    },
    crypto::secret::DataKey,
    error::{Error, ErrorKind},
    payload::layout,
    recipient::{MAX_KEY_ID_LEN, MAX_RECIPIENTS, wrapped_key::WrappedKey},
    unwrap::{Unwrap, Unwrapped, asynchronous::AsyncUnwrap},
};

/// The most that KMS `Decrypt` takes.
const MAX_WRAPPED_KEY_LEN: usize = 6144;

/// The header of a message. Untrusted until the data key has verified its MAC.
///
/// Anyone can read it: to route a message, or to find the key that opens it. It can be stored
/// ([`as_bytes`](Self::as_bytes), [`parse`](Self::parse)), compared and hashed. With the data key, it
/// is where an [`Unsealer`] or a [`Reading`] can start: [`Unsealer::with_key`].
///
/// [`Unsealer`]: crate::Unsealer
/// [`Unsealer::with_key`]: crate::Unsealer::with_key
/// [`Reading`]: crate::Reading
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Header {
    bytes: Vec<u8>,
}

impl Header {
    /// Reads the header that `message` begins with. No key is needed, and the rest of the message
    /// need not be there.
    ///
    /// # Errors
    /// [`EmptyMessage`](ErrorKind::EmptyMessage) or [`Truncated`](ErrorKind::Truncated) if the
    /// header goes on after the end of `message`. If this is no header that this version can read:
    /// [`NotSealed`](ErrorKind::NotSealed), [`UnsupportedVersion`](ErrorKind::UnsupportedVersion),
    /// [`UnsupportedSuite`](ErrorKind::UnsupportedSuite),
    /// [`HeaderMalformed`](ErrorKind::HeaderMalformed),
    /// [`HeaderTooLarge`](ErrorKind::HeaderTooLarge).
    pub fn parse(message: &[u8]) -> Result<Self, Error> {
        match scan(message, &[])? {
            Scan::Complete { len } => {
                let bytes = message.get(..len).ok_or(ErrorKind::Internal)?.to_vec();
                Ok(Self { bytes })
            }
            Scan::Incomplete { .. } if message.is_empty() => Err(ErrorKind::EmptyMessage.into()),
            Scan::Incomplete { .. } => Err(ErrorKind::Truncated.into()),
        }
    }

    /// `bytes` have been scanned as a complete header.
    pub(crate) const fn from_scanned(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// The header as it stands in the message, prefix to MAC: to store it and
    /// [`parse`](Self::parse) it again.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Length in bytes, prefix to MAC: the offset of the payload.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a header is never empty")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Which bytes of the message hold `len` bytes of plaintext from `start` on: to get them with an
    /// HTTP range request, for example. Give them to [`Unsealer::update`] after [`Unsealer::seek`].
    ///
    /// The range covers whole chunks, so it can be up to 32 KiB longer than `len`. If the plaintext
    /// ends earlier, so does the message: the end of the range may lie beyond it.
    ///
    /// [`Unsealer::update`]: crate::Unsealer::update
    /// [`Unsealer::seek`]: crate::Unsealer::seek
    #[must_use]
    pub fn ciphertext_range(&self, start: u64, len: u64) -> Range<u64> {
        layout::ciphertext_range(self.len(), start, len)
    }

    /// The inverse: which plaintext lies in `len` bytes of the message from `start` on.
    ///
    /// Chunks that begin before `start` do not count. A chunk that goes on after the range is taken
    /// for the last one of the message, because only the last is shorter than the others. So for a
    /// whole message, from 0 on, the end is the length of its plaintext.
    #[must_use]
    pub fn plaintext_range(&self, start: u64, len: u64) -> Range<u64> {
        layout::plaintext_range(self.len(), start, len)
    }

    /// Which bytes of the message hold several ranges of plaintext: sorted, and merged where they touch
    /// or lie at most `max_gap` bytes apart, so that each is worth a request of its own. A gap of some
    /// hundred KiB is usually read sooner than a second request is answered.
    ///
    /// An empty range needs no bytes. As with [`ciphertext_range`](Self::ciphertext_range), the end of
    /// the last one may lie beyond the message.
    ///
    /// ```
    /// # let der = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.der");
    /// # let key = libseal::PublicKey::new(der)?;
    /// # let message = libseal::Envelope::new(&[libseal::Recipient::new(&key)]).seal(&[0; 200_000])?;
    /// let header = libseal::Header::parse(&message)?;
    /// // The chunks 0, 1 and 9 of 16 KiB of plaintext, each with a tag of 16 bytes.
    /// let ranges = header.ciphertext_ranges(&[150_000..150_100, 0..10, 16_000..17_000], 0);
    /// let payload = header.len() as u64 + 56;
    /// assert_eq!(ranges, [payload..payload + 2 * 16_400, payload + 9 * 16_400..payload + 10 * 16_400]);
    /// # Ok::<(), libseal::Error>(())
    /// ```
    #[must_use]
    pub fn ciphertext_ranges(&self, plaintext: &[Range<u64>], max_gap: u64) -> Vec<Range<u64>> {
        let wanted = plaintext.iter().filter(|range| !range.is_empty());
        let mut ranges: Vec<_> = wanted
            .map(|range| self.ciphertext_range(range.start, range.end - range.start))
            .collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start <= last.end.saturating_add(max_gap) => {
                    last.end = last.end.max(range.end);
                }
                _ => merged.push(range),
            }
        }
        merged
    }

    /// Length of the plaintext of a message with this header that is `message_len` bytes long. Needs no
    /// key and verifies nothing: the end of the message tells for sure.
    ///
    /// ```
    /// # let der = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.der");
    /// # let key = libseal::PublicKey::new(der)?;
    /// # let message = libseal::Envelope::new(&[libseal::Recipient::new(&key)]).seal(b"21.5 C")?;
    /// // The beginning of a message is enough, if its length is known: that of an object in S3, say.
    /// let header = libseal::Header::parse(&message[..400])?;
    /// assert_eq!(header.plaintext_len(message.len() as u64)?, 6);
    /// # Ok::<(), libseal::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Truncated`](ErrorKind::Truncated) if no whole message has this length.
    pub fn plaintext_len(&self, message_len: u64) -> Result<u64, Error> {
        let payload_len = message_len.checked_sub(self.len() as u64);
        let len = payload_len.and_then(layout::plaintext_len);
        len.ok_or_else(|| ErrorKind::Truncated.into())
    }

    /// The encryption context: pairs by ascending key.
    pub fn context(&self) -> impl Iterator<Item = (&str, &str)> {
        Reader::new(&self.bytes)
            .context_block()
            .into_iter()
            .flat_map(Pairs)
    }

    /// Refuses a message whose context lacks what is `required`: each key must be there, and have
    /// its value unless that is `None`.
    ///
    /// # Errors
    /// [`ContextMismatch`](ErrorKind::ContextMismatch).
    pub fn require(&self, required: &[(&str, Option<&str>)]) -> Result<(), Error> {
        for (key, value) in required {
            let mut context = self.context();
            let found = context.find(|(found, _)| found == key);
            let found = found.map(|(_, found)| found);
            let fits = found.is_some_and(|found| value.is_none_or(|value| value == found));
            if !fits {
                return Err(refusal::context_mismatch(key, *value, found));
            }
        }
        Ok(())
    }

    /// Every recipient's wrapped data key, in order.
    pub fn wrapped_keys(&self) -> impl Iterator<Item = WrappedKey<'_>> {
        let mut reader = Reader::new(&self.bytes);
        let mut left = reader.context_block().and_then(|_| reader.u8()).ok();
        core::iter::from_fn(move || {
            left = left?.checked_sub(1);
            left.and_then(|_| reader.wrapped_key().ok())
        })
    }

    /// Unwraps the data key with `unwrapper`: offers it the wrapped keys of known
    /// [algorithms](WrappedKey::algorithm), in order. With the key, [`Unsealer::with_key`] and its
    /// like open the message, and every other message with an equal header.
    ///
    /// [`Unsealer::with_key`]: crate::Unsealer::with_key
    ///
    /// # Errors
    /// [`NoMatchingRecipient`](ErrorKind::NoMatchingRecipient) if none of them is the unwrapper's;
    /// [`UnwrapFailed`](ErrorKind::UnwrapFailed), with the unwrapper's error as the source.
    pub fn unwrap_with(&self, unwrapper: impl Unwrap) -> Result<DataKey, Error> {
        let answer = unwrapper.unwrap_keys(&self.known_keys());
        self.data_key(answer, || unwrapper.fingerprints())
    }

    /// As [`unwrap_with`](Self::unwrap_with), with an `await`. A future that is dropped changes nothing.
    ///
    /// # Errors
    /// As [`unwrap_with`](Self::unwrap_with).
    pub async fn unwrap_with_async(&self, unwrapper: impl AsyncUnwrap) -> Result<DataKey, Error> {
        let answer = unwrapper.unwrap_keys(&self.known_keys()).await;
        self.data_key(answer, || unwrapper.fingerprints())
    }

    /// What an unwrapper is asked about.
    fn known_keys(&self) -> Vec<WrappedKey<'_>> {
        let is_known = |key: &WrappedKey<'_>| key.algorithm().is_some();
        self.wrapped_keys().filter(is_known).collect()
    }

    fn data_key(
        &self,
        answer: Unwrapped,
        held: impl FnOnce() -> Vec<[u8; 32]>,
    ) -> Result<DataKey, Error> {
        match answer {
            Unwrapped::DataKey(data_key) => Ok(data_key),
            Unwrapped::NotMine => Err(refusal::no_matching_recipient(self, &held())),
            Unwrapped::Failed(error) | Unwrapped::Stop(error) => Err(Error::unwrap_failed(error)),
        }
    }

    /// What the payload is bound to: prefix and context block.
    pub(crate) fn payload_context(&self) -> Result<&[u8], ErrorKind> {
        let mut reader = Reader::new(&self.bytes);
        let end = reader.context_block().map(|_| reader.position);
        let bound = end.ok().and_then(|end| self.bytes.get(..end));
        bound.ok_or(ErrorKind::Internal)
    }

    pub(crate) fn verify(&self, data_key: &DataKey) -> Result<(), ErrorKind> {
        let (authenticated, stored) = self
            .bytes
            .split_last_chunk::<MAC_LEN>()
            .ok_or(ErrorKind::Internal)?;
        if bool::from(mac(data_key.as_bytes(), authenticated)?.ct_eq(stored)) {
            Ok(())
        } else {
            Err(ErrorKind::AuthenticationFailed)
        }
    }
}

impl core::fmt::Debug for Header {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Header")
            .field("len", &self.len())
            .field("context", &self.context().collect::<Vec<_>>())
            .field("wrapped_keys", &self.wrapped_keys().collect::<Vec<_>>())
            .finish()
    }
}

/// How far the header at the start of some bytes is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    Complete {
        len: usize,
    },
    /// It takes at least `need` bytes to know more.
    Incomplete {
        need: usize,
    },
}

/// Checks the header that `bytes` begin with, as far as it is there. `rest` is what is known to come
/// after them, for the text of the error.
pub(crate) fn scan(bytes: &[u8], rest: &[u8]) -> Result<Scan, Error> {
    match Reader::new(bytes).header() {
        Ok(len) => Ok(Scan::Complete { len }),
        Err(Stop::Incomplete { need }) => Ok(Scan::Incomplete { need }),
        Err(Stop::Invalid(kind)) => Err(refusal::not_a_header(kind, bytes, rest)),
    }
}

enum Stop {
    Incomplete { need: usize },
    Invalid(ErrorKind),
}

impl From<ErrorKind> for Stop {
    fn from(kind: ErrorKind) -> Self {
        Self::Invalid(kind)
    }
}

/// Reads a header front to back.
struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Stop> {
        let need = self.position + len;
        if need > MAX_HEADER_LEN {
            return Err(ErrorKind::HeaderTooLarge.into());
        }
        let bytes = self.bytes.get(self.position..need);
        self.position = need;
        bytes.ok_or(Stop::Incomplete { need })
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Stop> {
        let bytes = self.take(N)?.first_chunk();
        Ok(bytes.ok_or(ErrorKind::Internal)?)
    }

    fn u8(&mut self) -> Result<u8, Stop> {
        self.array().map(|[byte]| *byte)
    }

    /// A block after its `u16` length, which is at most `max`.
    fn block(&mut self, max: usize) -> Result<&'a [u8], Stop> {
        let len = usize::from(u16::from_be_bytes(*self.array()?));
        if len > max {
            return Err(ErrorKind::HeaderMalformed.into());
        }
        self.take(len)
    }

    fn prefix(&mut self) -> Result<(), Stop> {
        // As early as possible: a file that is something else may be shorter than a prefix.
        if self
            .bytes
            .iter()
            .zip(MAGIC)
            .any(|(byte, magic)| *byte != magic)
        {
            return Err(ErrorKind::NotSealed.into());
        }
        self.take(MAGIC.len())?;
        if self.u8()? != VERSION {
            return Err(ErrorKind::UnsupportedVersion.into());
        }
        if self.u8()? != SUITE {
            return Err(ErrorKind::UnsupportedSuite.into());
        }
        Ok(())
    }

    /// Prefix and context.
    fn context_block(&mut self) -> Result<&'a [u8], Stop> {
        self.prefix()?;
        self.block(MAX_CONTEXT_LEN)
    }

    fn wrapped_key(&mut self) -> Result<WrappedKey<'a>, Stop> {
        let kind = self.u8()?;
        if kind == 0 {
            return Err(ErrorKind::HeaderMalformed.into());
        }
        let fingerprint = self.array()?;
        let key_id = self.block(MAX_KEY_ID_LEN)?;
        let key_id = core::str::from_utf8(key_id).map_err(|_| ErrorKind::HeaderMalformed)?;
        let ciphertext = self.block(MAX_WRAPPED_KEY_LEN)?;
        let key = WrappedKey::new(kind, fingerprint, key_id, ciphertext);
        if !key.is_well_formed() {
            return Err(ErrorKind::HeaderMalformed.into());
        }
        Ok(key)
    }

    /// The whole header; returns its length.
    fn header(&mut self) -> Result<usize, Stop> {
        context::check(self.context_block()?)?;
        let count = self.u8()?;
        if !(1..=MAX_RECIPIENTS).contains(&usize::from(count)) {
            return Err(ErrorKind::HeaderMalformed.into());
        }
        for _ in 0..count {
            self.wrapped_key()?;
        }
        self.take(MAC_LEN)?;
        Ok(self.position)
    }
}
