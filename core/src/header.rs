//! The header: prefix, context, recipients, MAC. See `FORMAT.md`.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
#[cfg(feature = "alloc")]
use core::ops::Range;

#[cfg(feature = "alloc")]
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{DataKey, Error, ErrorKind, PublicKey, WrapAlgorithm, context, crypto, random::Random};
#[cfg(feature = "alloc")]
use crate::{
    WrappedKey,
    context::{MAX_CONTEXT_LEN, Pairs},
    layout,
};

const MAGIC: [u8; 4] = *b"SEAL";
const VERSION: u8 = 1;
const SUITE: u8 = 1;
const PREFIX_LEN: usize = 6;
const MAC_LEN: usize = 32;
const MAC_KEY_INFO: &[u8] = b"libseal/v1 header mac";

/// Most bytes of a key id.
pub const MAX_KEY_ID_LEN: usize = 2048;
/// Most recipients of a message.
pub const MAX_RECIPIENTS: usize = 16;
/// Most bytes of a header, prefix to MAC.
pub const MAX_HEADER_LEN: usize = 64 * 1024;
/// The most that KMS `Decrypt` takes.
#[cfg(feature = "alloc")]
const MAX_WRAPPED_KEY_LEN: usize = 6144;

/// A public key to seal for, with what the header says about it.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    key: &'a PublicKey,
    key_id: &'a str,
    algorithm: WrapAlgorithm,
}

impl<'a> Recipient<'a> {
    /// Seals for `key`, with an empty key id and `RSAES_OAEP_SHA_256`.
    #[must_use]
    pub const fn new(key: &'a PublicKey) -> Self {
        Self {
            key,
            key_id: "",
            algorithm: WrapAlgorithm::RsaesOaepSha256,
        }
    }

    /// Adds a hint for whoever unseals, such as the KMS key's alias or ARN: at most
    /// [`MAX_KEY_ID_LEN`] bytes. Everybody can read it.
    #[must_use]
    pub const fn with_key_id(self, key_id: &'a str) -> Self {
        Self { key_id, ..self }
    }

    /// Wraps the data key in another way.
    #[must_use]
    pub const fn with_algorithm(self, algorithm: WrapAlgorithm) -> Self {
        Self { algorithm, ..self }
    }
}

impl<'a> From<&'a PublicKey> for Recipient<'a> {
    fn from(key: &'a PublicKey) -> Self {
        Self::new(key)
    }
}

/// Length of a header, after checking everything that goes into it.
pub(crate) fn encoded_len(
    recipients: &[Recipient<'_>],
    context: &[(&str, &str)],
) -> Result<usize, Error> {
    match recipients.len() {
        0 => return Err(ErrorKind::NoRecipients.into()),
        1..=MAX_RECIPIENTS => {}
        _ => return Err(ErrorKind::TooManyRecipients.into()),
    }
    let mut len = PREFIX_LEN + 2 + context::encoded_len(context)? + 1;
    for recipient in recipients {
        if recipient.key_id.len() > MAX_KEY_ID_LEN {
            return Err(ErrorKind::KeyIdTooLong.into());
        }
        len += 1 + 32 + 2 + recipient.key_id.len() + 2 + recipient.key.modulus_len();
    }
    Ok(len + MAC_LEN)
}

/// Writes the header into `out`, which is [`encoded_len`] bytes long, and returns the part of it
/// that the payload is bound to: prefix and context block.
pub(crate) fn encode<'o>(
    recipients: &[Recipient<'_>],
    context: &[(&str, &str)],
    data_key: &DataKey,
    random: &mut Random<'_>,
    out: &'o mut [u8],
) -> Result<&'o [u8], Error> {
    let mut writer = Writer { out, len: 0 };
    writer.put(&MAGIC)?;
    writer.put(&[VERSION, SUITE])?;
    writer.put_len(context::encoded_len(context)?)?;
    for (key, value) in context::in_order(context) {
        writer.put_str(key)?;
        writer.put_str(value)?;
    }
    let payload_context_len = writer.len;

    let count = u8::try_from(recipients.len()).map_err(|_| ErrorKind::TooManyRecipients)?;
    writer.put(&[count])?;
    for recipient in recipients {
        writer.put(&[recipient.algorithm.kind()])?;
        writer.put(recipient.key.fingerprint())?;
        writer.put_str(recipient.key_id)?;
        writer.put_len(recipient.key.modulus_len())?;
        let wrapped = writer.reserve(recipient.key.modulus_len())?;
        let (key, algorithm) = (recipient.key, recipient.algorithm);
        key.wrap(algorithm, data_key, random, wrapped)?;
    }
    let mac = mac(data_key, writer.written())?;
    writer.put(&mac)?;
    Ok(writer.into_prefix(payload_context_len))
}

fn mac(data_key: &DataKey, authenticated: &[u8]) -> Result<[u8; MAC_LEN], ErrorKind> {
    let mut mac_key = Zeroizing::new([0; 64]);
    crypto::hkdf_expand_sha512(data_key.as_bytes(), [MAC_KEY_INFO, b"", b""], &mut *mac_key)?;
    let mut full = [0; 64];
    crypto::hmac_sha512(&*mac_key, &[authenticated], &mut full);
    let mut mac = [0; MAC_LEN];
    mac.copy_from_slice(&full[..MAC_LEN]);
    Ok(mac)
}

/// Writes into a slice, front to back.
struct Writer<'o> {
    out: &'o mut [u8],
    len: usize,
}

impl<'o> Writer<'o> {
    fn reserve(&mut self, len: usize) -> Result<&mut [u8], ErrorKind> {
        let start = self.len;
        self.len += len;
        self.out
            .get_mut(start..self.len)
            .ok_or(ErrorKind::BufferTooSmall)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), ErrorKind> {
        self.reserve(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    fn put_len(&mut self, len: usize) -> Result<(), ErrorKind> {
        let len = u16::try_from(len).map_err(|_| ErrorKind::HeaderTooLarge)?;
        self.put(&len.to_be_bytes())
    }

    fn put_str(&mut self, text: &str) -> Result<(), ErrorKind> {
        self.put_len(text.len())?;
        self.put(text.as_bytes())
    }

    fn written(&self) -> &[u8] {
        self.out.get(..self.len).unwrap_or_default()
    }

    fn into_prefix(self, len: usize) -> &'o [u8] {
        self.out.get(..len).unwrap_or_default()
    }
}

/// A header as it was read: untrusted until the data key has verified its MAC.
///
/// Anybody can read it; so can you, to route a message or to find the key that opens it.
#[cfg(feature = "alloc")]
#[derive(Clone)]
pub struct Header {
    bytes: Vec<u8>,
}

#[cfg(feature = "alloc")]
impl Header {
    /// Reads the header that `message` begins with. No key is needed, and the rest of the message
    /// need not be there.
    ///
    /// # Errors
    /// [`EmptyMessage`](ErrorKind::EmptyMessage) or [`Truncated`](ErrorKind::Truncated) when the
    /// header goes on after the end of `message`; one of 200 to 204 when this is no header.
    pub fn parse(message: &[u8]) -> Result<Self, Error> {
        match scan(message)? {
            Scan::Complete { len } => Ok(Self {
                bytes: message.get(..len).unwrap_or_default().to_vec(),
            }),
            Scan::Incomplete { .. } if message.is_empty() => Err(ErrorKind::EmptyMessage.into()),
            Scan::Incomplete { .. } => Err(ErrorKind::Truncated.into()),
        }
    }

    /// `bytes` have been scanned as a complete header.
    pub(crate) const fn from_scanned(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Length in bytes, prefix to MAC: the offset of the payload.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a header is never empty")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Which bytes of the message to get for `len` bytes of plaintext from `start` on, with an HTTP
    /// range request for example. Give them to [`Unsealer::update`] after [`Unsealer::seek`].
    ///
    /// They are whole chunks, so up to 32 KiB more. Where the plaintext ends before, so does the
    /// message: the end of the range may be beyond it.
    ///
    /// [`Unsealer::update`]: crate::Unsealer::update
    /// [`Unsealer::seek`]: crate::Unsealer::seek
    #[must_use]
    pub fn ciphertext_range(&self, start: u64, len: u64) -> Range<u64> {
        layout::ciphertext_range(self.len(), start, len)
    }

    /// The inverse: which plaintext lies in `len` bytes of the message from `start` on.
    ///
    /// Chunks that begin before `start` do not count. One that does not end with the range is taken for
    /// the last one of the message, because only that is shorter than the others; so for a whole
    /// message, from 0 on, the end is the length of its plaintext.
    #[must_use]
    pub fn plaintext_range(&self, start: u64, len: u64) -> Range<u64> {
        layout::plaintext_range(self.len(), start, len)
    }

    /// The encryption context: pairs by ascending key.
    pub fn context(&self) -> impl Iterator<Item = (&str, &str)> {
        let block = self.payload_context().get(PREFIX_LEN + 2..);
        Pairs(block.unwrap_or_default())
    }

    /// Every recipient's wrapped data key, in order.
    pub fn wrapped_keys(&self) -> impl Iterator<Item = WrappedKey<'_>> {
        let mut reader = Reader::new(&self.bytes);
        let count = reader
            .context_block()
            .and_then(|_| reader.u8())
            .unwrap_or(0);
        (0..count).map_while(move |_| reader.wrapped_key().ok())
    }

    /// What the payload is bound to: prefix and context block.
    pub(crate) fn payload_context(&self) -> &[u8] {
        let mut reader = Reader::new(&self.bytes);
        let end = reader.context_block().map_or(0, |_| reader.position);
        self.bytes.get(..end).unwrap_or_default()
    }

    pub(crate) fn verify(&self, data_key: &DataKey) -> Result<(), ErrorKind> {
        let (authenticated, stored) = self
            .bytes
            .split_last_chunk::<MAC_LEN>()
            .ok_or(ErrorKind::Internal)?;
        if bool::from(mac(data_key, authenticated)?.ct_eq(stored)) {
            Ok(())
        } else {
            Err(ErrorKind::AuthenticationFailed)
        }
    }
}

#[cfg(feature = "alloc")]
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
#[cfg(feature = "alloc")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    Complete {
        len: usize,
    },
    /// At least `need` bytes are wanted to know more.
    Incomplete {
        need: usize,
    },
}

/// Checks the header that `bytes` begin with, as far as it is there.
#[cfg(feature = "alloc")]
pub(crate) fn scan(bytes: &[u8]) -> Result<Scan, ErrorKind> {
    match Reader::new(bytes).header() {
        Ok(len) => Ok(Scan::Complete { len }),
        Err(Stop::Incomplete { need }) => Ok(Scan::Incomplete { need }),
        Err(Stop::Invalid(kind)) => Err(kind),
    }
}

#[cfg(feature = "alloc")]
enum Stop {
    Incomplete { need: usize },
    Invalid(ErrorKind),
}

#[cfg(feature = "alloc")]
impl From<ErrorKind> for Stop {
    fn from(kind: ErrorKind) -> Self {
        Self::Invalid(kind)
    }
}

/// Reads a header front to back.
#[cfg(feature = "alloc")]
struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

#[cfg(feature = "alloc")]
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
        // Told as early as possible: a file that is something else may be shorter than a prefix.
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
        let valid_len = match WrapAlgorithm::from_kind(kind) {
            Some(_) => matches!(ciphertext.len(), 256 | 384 | 512),
            None => !ciphertext.is_empty(),
        };
        if !valid_len {
            return Err(ErrorKind::HeaderMalformed.into());
        }
        Ok(WrappedKey {
            kind,
            fingerprint,
            key_id,
            ciphertext,
        })
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
