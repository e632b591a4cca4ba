//! The encryption context: public pairs that are bound to the payload and readable without a key.
//!
//! Canonical form: for each pair `u16 len | key | u16 len | value`, UTF-8, keys not empty, unique
//! and ascending by bytes. See `FORMAT.md`.

use crate::{Error, ErrorKind};

/// Most bytes of an encryption context in its canonical form.
pub const MAX_CONTEXT_LEN: usize = 8192;

/// Keys with this prefix are kept for the format itself.
const RESERVED_PREFIX: &str = "libseal:";

/// Length of the canonical form of `pairs`, after checking every rule on them.
pub(crate) fn encoded_len(pairs: &[(&str, &str)]) -> Result<usize, Error> {
    let mut len = 0;
    for (key, value) in pairs {
        len += 2 + key.len() + 2 + value.len();
        // Before the quadratic search for duplicates: it bounds the number of pairs.
        if len > MAX_CONTEXT_LEN {
            return Err(ErrorKind::ContextTooLong.into());
        }
        check_key(key)?;
    }
    if in_order(pairs).count() != pairs.len() {
        return Err(ErrorKind::ContextKeyDuplicate.into());
    }
    Ok(len)
}

/// The pairs by ascending key, each key once. Sorts by repeated selection because firmware has no
/// heap to sort in; contexts are a handful of pairs.
pub(crate) fn in_order<'p, 'a>(
    pairs: &'p [(&'a str, &'a str)],
) -> impl Iterator<Item = (&'a str, &'a str)> + 'p {
    // Less than any key: keys are not empty.
    let mut last = "";
    core::iter::from_fn(move || {
        let greater = pairs.iter().filter(|(key, _)| *key > last);
        let next = greater.min_by_key(|(key, _)| *key)?;
        last = next.0;
        Some(*next)
    })
}

fn check_key(key: &str) -> Result<(), ErrorKind> {
    if key.is_empty() {
        return Err(ErrorKind::ContextKeyEmpty);
    }
    if key.starts_with(RESERVED_PREFIX) {
        return Err(ErrorKind::ContextKeyReserved);
    }
    Ok(())
}

/// Checks that `block` is a canonical context.
#[cfg(feature = "alloc")]
pub(crate) fn check(block: &[u8]) -> Result<(), ErrorKind> {
    let mut pairs = Pairs(block);
    let mut last = "";
    while !pairs.0.is_empty() {
        let (key, _) = pairs.read().ok_or(ErrorKind::HeaderMalformed)?;
        // The empty key is refused here too: nothing is less than the empty string.
        if key <= last || check_key(key).is_err() {
            return Err(ErrorKind::HeaderMalformed);
        }
        last = key;
    }
    Ok(())
}

/// The pairs of a canonical context block.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub(crate) struct Pairs<'a>(pub(crate) &'a [u8]);

#[cfg(feature = "alloc")]
impl<'a> Pairs<'a> {
    fn read(&mut self) -> Option<(&'a str, &'a str)> {
        Some((self.read_str()?, self.read_str()?))
    }

    fn read_str(&mut self) -> Option<&'a str> {
        let (len, rest) = self.0.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(u16::from_be_bytes(*len).into())?;
        self.0 = rest;
        core::str::from_utf8(text).ok()
    }
}

#[cfg(feature = "alloc")]
impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        self.read()
    }
}
