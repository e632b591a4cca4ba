//! Writing a header.

use super::{MAC_LEN, MAGIC, PREFIX_LEN, SUITE, VERSION, mac};
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
    match recipients.len() {
        0 => return Err(ErrorKind::NoRecipients.into()),
        1..=MAX_RECIPIENTS => {}
        _ => return Err(ErrorKind::TooManyRecipients.into()),
    }
    let mut len = PREFIX_LEN + 2 + context::encoded_len(context)? + 1;
    for recipient in recipients {
        if recipient.key_id().len() > MAX_KEY_ID_LEN {
            return Err(ErrorKind::KeyIdTooLong.into());
        }
        len += 1 + 32 + 2 + recipient.key_id().len() + 2 + recipient.wrapped_len();
    }
    Ok(len + MAC_LEN)
}

/// Writes the header into `out`, which is [`encoded_len`] bytes long. Returns the length of the part
/// that the payload is bound to: prefix and context block.
pub(crate) fn encode(
    recipients: &[Recipient<'_>],
    context: &[(&str, &str)],
    data_key: &DataKey,
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

    let count = u8::try_from(recipients.len()).map_err(|_| ErrorKind::TooManyRecipients)?;
    writer.put(&[count])?;
    for recipient in recipients {
        writer.put(&[recipient.kind()])?;
        writer.put(recipient.fingerprint())?;
        writer.put_str(recipient.key_id())?;
        writer.put_len(recipient.wrapped_len())?;
        let wrapped = writer.reserve(recipient.wrapped_len())?;
        recipient.wrap(data_key, random, wrapped)?;
    }
    let mac = mac(data_key, writer.written()?)?;
    writer.put(&mac)?;
    Ok(payload_context_len)
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

    fn written(&self) -> Result<&[u8], ErrorKind> {
        self.out.get(..self.len).ok_or(ErrorKind::Internal)
    }
}
