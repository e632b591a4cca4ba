//! Writing a header.

#[cfg(all(feature = "alloc", feature = "getrandom"))]
use super::MAX_HEADER_LEN;
use super::{MAC_LEN, MAGIC, PREFIX_LEN, SUITE, VERSION, mac};
#[cfg(all(feature = "alloc", feature = "getrandom"))]
use crate::recipient::wrapped_key::WrappedKey;
use crate::{
    context::write as context,
    crypto::{random::Random, secret::DataKey},
    error::{Error, ErrorKind},
    recipient::{MAX_KEY_ID_LEN, MAX_RECIPIENTS, Recipient},
};

/// Length of a header. Checks everything that goes into it.
pub(crate) fn encoded_len(
    recipients: &[Recipient<'_>],
    context: &[(&str, &str)],
) -> Result<usize, Error> {
    check_count(recipients.len())?;
    let bound_len = PREFIX_LEN + 2 + context::encoded_len(context)?;
    Ok(bound_len + 1 + recipients_len(recipients)? + MAC_LEN)
}

fn check_count(count: usize) -> Result<(), ErrorKind> {
    match count {
        0 => Err(ErrorKind::NoRecipients),
        1..=MAX_RECIPIENTS => Ok(()),
        _ => Err(ErrorKind::TooManyRecipients),
    }
}

fn recipients_len(recipients: &[Recipient<'_>]) -> Result<usize, ErrorKind> {
    let mut len = 0;
    for recipient in recipients {
        if recipient.key_id().len() > MAX_KEY_ID_LEN {
            return Err(ErrorKind::KeyIdTooLong);
        }
        len += recipient_len(recipient.key_id(), recipient.wrapped_len());
    }
    Ok(len)
}

const fn recipient_len(key_id: &str, wrapped_len: usize) -> usize {
    1 + 32 + 2 + key_id.len() + 2 + wrapped_len
}

/// Writes the header into `out`, which is [`encoded_len`] bytes long. Returns the length of the part
/// that the payload is bound to: prefix and context block.
pub(crate) fn encode(
    recipients: &[Recipient<'_>],
    context: &[(&str, &str)],
    data_key: &[u8; DataKey::LEN],
    random: &mut Random<'_>,
    out: &mut [u8],
) -> Result<usize, Error> {
    let mut writer = Writer { out, len: 0 };
    writer.put(&MAGIC)?;
    writer.put(&[VERSION, SUITE])?;
    writer.put_len(context::encoded_len(context)?)?;
    for (key, value) in context::in_order(context) {
        writer.put_str(key)?;
        writer.put_str(value)?;
    }
    let payload_context_len = writer.len;

    writer.put_count(recipients.len())?;
    writer.put_recipients(recipients, data_key, random)?;
    writer.put_mac(data_key)?;
    Ok(payload_context_len)
}

/// Length of a header with the same context for other recipients: those that are `kept` as they are, and
/// new ones.
#[cfg(all(feature = "alloc", feature = "getrandom"))]
pub(crate) fn rewrapped_len(
    bound: &[u8],
    kept: &[WrappedKey<'_>],
    recipients: &[Recipient<'_>],
) -> Result<usize, ErrorKind> {
    check_count(kept.len() + recipients.len())?;
    let kept = kept
        .iter()
        .map(|key| recipient_len(key.key_id(), key.ciphertext().len()));
    let len = bound.len() + 1 + kept.sum::<usize>() + recipients_len(recipients)? + MAC_LEN;
    // Wrapped keys of kinds that this version does not know can be long.
    if len > MAX_HEADER_LEN {
        return Err(ErrorKind::HeaderTooLarge);
    }
    Ok(len)
}

/// Writes such a header into `out`, which is [`rewrapped_len`] bytes long. `bound` is prefix and context
/// block.
#[cfg(all(feature = "alloc", feature = "getrandom"))]
pub(crate) fn encode_rewrapped(
    bound: &[u8],
    kept: &[WrappedKey<'_>],
    recipients: &[Recipient<'_>],
    data_key: &[u8; DataKey::LEN],
    random: &mut Random<'_>,
    out: &mut [u8],
) -> Result<(), Error> {
    let mut writer = Writer { out, len: 0 };
    writer.put(bound)?;
    writer.put_count(kept.len() + recipients.len())?;
    for key in kept {
        writer.put_recipient(
            key.kind(),
            key.fingerprint(),
            key.key_id(),
            key.ciphertext().len(),
        )?;
        writer.put(key.ciphertext())?;
    }
    writer.put_recipients(recipients, data_key, random)?;
    Ok(writer.put_mac(data_key)?)
}

/// Writes into a slice, front to back.
struct Writer<'o> {
    out: &'o mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn reserve(&mut self, len: usize) -> Result<&mut [u8], ErrorKind> {
        let start = self.len;
        self.len += len;
        let room = self.out.get_mut(start..self.len);
        room.ok_or(ErrorKind::BufferTooSmall)
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

    fn put_count(&mut self, recipients: usize) -> Result<(), ErrorKind> {
        let count = u8::try_from(recipients).map_err(|_| ErrorKind::TooManyRecipients)?;
        self.put(&[count])
    }

    /// All of a recipient but its wrapped key.
    fn put_recipient(
        &mut self,
        kind: u8,
        fingerprint: &[u8; 32],
        key_id: &str,
        wrapped_len: usize,
    ) -> Result<(), ErrorKind> {
        self.put(&[kind])?;
        self.put(fingerprint)?;
        self.put_str(key_id)?;
        self.put_len(wrapped_len)
    }

    fn put_recipients(
        &mut self,
        recipients: &[Recipient<'_>],
        data_key: &[u8; DataKey::LEN],
        random: &mut Random<'_>,
    ) -> Result<(), Error> {
        for recipient in recipients {
            let wrapped_len = recipient.wrapped_len();
            let (kind, fingerprint) = (recipient.kind(), recipient.fingerprint());
            self.put_recipient(kind, fingerprint, recipient.key_id(), wrapped_len)?;
            recipient.wrap(data_key, random, self.reserve(wrapped_len)?)?;
        }
        Ok(())
    }

    fn put_mac(&mut self, data_key: &[u8; DataKey::LEN]) -> Result<(), ErrorKind> {
        let mac = mac(data_key, self.written()?)?;
        self.put(&mac)
    }

    fn written(&self) -> Result<&[u8], ErrorKind> {
        self.out.get(..self.len).ok_or(ErrorKind::Internal)
    }
}
