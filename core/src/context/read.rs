//! What a reader needs of a context: its rules and its pairs.

use super::check_key;
use crate::error::ErrorKind;

/// Checks that `block` is a canonical context.
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
#[derive(Clone, Debug)]
pub(crate) struct Pairs<'a>(pub(crate) &'a [u8]);

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

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        self.read()
    }
}
