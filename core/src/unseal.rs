//! Unsealing in one call.

use alloc::{vec, vec::Vec};

use crate::{
    error::{Error, ErrorKind},
    header::read::Header,
    payload::layout,
    unsealer::Unsealer,
    unwrap::{Unwrap, asynchronous::AsyncUnwrap},
};

/// Unseals a message in one call.
///
/// `unwrapper` unwraps the data key: [`unwrap_fn`](crate::unwrap_fn) with a closure that calls a KMS,
/// or a `LocalUnwrapper` (feature `local-unwrapper`). The message is refused unless its encryption
/// context has each `required` key, with the value that is given, or with any value if that is `None`.
///
/// ```
/// # let pem = include_bytes!("../tests/vectors/keys/rsa-2048.pub.pem");
/// # let key = libseal::PublicKey::new(pem)?;
/// # let recipients = [libseal::Recipient::new(&key)];
/// # let envelope = libseal::Envelope::new(&recipients).with_context(&[("device", "42")]);
/// # let message = envelope.seal(b"21.5 C")?;
/// # let private_pem = include_bytes!("../tests/vectors/keys/rsa-2048.key.pem");
/// let unwrapper = libseal::LocalUnwrapper::new(private_pem, None)?;
/// let plaintext = libseal::unseal(&message, &unwrapper, &[("device", Some("42"))])?;
/// assert_eq!(plaintext, b"21.5 C");
/// # Ok::<(), libseal::Error>(())
/// ```
///
/// # Errors
/// As [`Unsealer::update`], [`Unsealer::unwrap_with`] and [`Unsealer::finish`].
pub fn unseal(
    message: &[u8],
    unwrapper: impl Unwrap,
    required: &[(&str, Option<&str>)],
) -> Result<Vec<u8>, Error> {
    let mut unsealer = Unsealer::new(required);
    let payload = unsealer.take_header(message)?;
    unsealer.unwrap_with(unwrapper)?;
    unseal_payload(unsealer, payload)
}

/// As [`unseal`], with an `await` for the data key. The rest is done at once and not in pieces: a large
/// message is better read with an `AsyncUnsealReader`, or on a thread where it may block.
///
/// A future that is dropped leaves nothing behind.
///
/// # Errors
/// As [`unseal`].
pub async fn unseal_async(
    message: &[u8],
    unwrapper: impl AsyncUnwrap,
    required: &[(&str, Option<&str>)],
) -> Result<Vec<u8>, Error> {
    let mut unsealer = Unsealer::new(required);
    let payload = unsealer.take_header(message)?;
    unsealer.unwrap_with_async(unwrapper).await?;
    unseal_payload(unsealer, payload)
}

fn unseal_payload(mut unsealer: Unsealer, payload: &[u8]) -> Result<Vec<u8>, Error> {
    let mut plaintext = vec![0; unsealer.finish_with_len(payload.len())];
    unsealer.finish_with(payload, &mut plaintext)?;
    Ok(plaintext)
}

/// Unseals a message in one call into a buffer, and returns how many bytes it wrote; see
/// [`unseal`] and [`plaintext_len`].
///
/// # Errors
/// As [`unseal`], and [`BufferTooSmall`](ErrorKind::BufferTooSmall) if `out` is shorter than the
/// plaintext; `unwrapper` is not called then. On any error `out` holds no plaintext.
pub fn unseal_into(
    message: &[u8],
    unwrapper: impl Unwrap,
    required: &[(&str, Option<&str>)],
    out: &mut [u8],
) -> Result<usize, Error> {
    let mut unsealer = Unsealer::new(required);
    let payload = unsealer.take_header(message)?;
    // Also of a message that is cut: what is left of it could not be written either.
    if (out.len() as u64) < layout::payload_room(payload.len() as u64) {
        return Err(ErrorKind::BufferTooSmall.into());
    }
    unsealer.unwrap_with(unwrapper)?;
    unsealer.finish_with(payload, out)
}

/// Length of the plaintext of a message, from its header and its own length. Needs no key and
/// verifies nothing.
///
/// # Errors
/// As [`Header::parse`], and [`Truncated`](ErrorKind::Truncated) if no message can be this long.
pub fn plaintext_len(message: &[u8]) -> Result<usize, Error> {
    let len = Header::parse(message)?.plaintext_len(message.len() as u64)?;
    usize::try_from(len).map_err(|_| ErrorKind::Internal.into())
}
