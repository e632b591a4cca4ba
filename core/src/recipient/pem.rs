//! PEM (RFC 7468) as it comes out of editors, shells and configuration files: with text around it,
//! and with blanks and line breaks anywhere in its base64.

use core::iter;

use alloc::vec::Vec;

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// A block of a text: a label and what is in base64.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    pub(crate) label: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Block<'a> {
    /// The first block that `is_wanted` by its label; if there is none, the first of all.
    pub(crate) fn find(text: &'a [u8], is_wanted: impl Fn(&[u8]) -> bool) -> Option<Self> {
        let wanted = Self::all(text).find(|block| is_wanted(block.label));
        wanted.or_else(|| Self::next(text))
    }

    /// Every block.
    pub(crate) fn all(text: &'a [u8]) -> impl Iterator<Item = Self> {
        iter::successors(Self::next(text), |block| Self::next(block.rest))
    }

    fn next(mut text: &'a [u8]) -> Option<Self> {
        loop {
            (_, text) = split(text, BEGIN)?;
            let line = text.split(|byte| *byte == b'\n').next()?;
            if let Some((label, _)) = split(line, DASHES) {
                let rest = text.get(label.len() + DASHES.len()..)?;
                return Some(Self { label, rest });
            }
        }
    }

    /// Whether the block is encrypted in OpenSSL's old way, by headers in front of the base64.
    #[cfg(feature = "local-unwrapper")]
    pub(crate) fn is_encrypted(&self) -> bool {
        contains(self.body().unwrap_or_default(), b"Proc-Type:")
    }

    /// What the block holds, or what is wrong with it.
    pub(crate) fn decode(&self) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let body = self.body()?;
        if body.starts_with(b"\\") {
            return Err(
                "the line breaks of this PEM are the two characters `\\n`; turn them into real ones",
            );
        }
        decode_base64(body).ok_or("this PEM is damaged: what it holds is not base64")
    }

    fn body(&self) -> Result<&'a [u8], &'static str> {
        const CUT: &str = "this PEM is cut short: it has no END line";
        let (body, _) = split(self.rest, DASHES).ok_or(CUT)?;
        let end = self.rest.get(body.len()..).unwrap_or_default();
        let end = end.strip_prefix(END).ok_or(CUT)?;
        let is_own = end
            .strip_prefix(self.label)
            .is_some_and(|end| end.starts_with(DASHES));
        is_own
            .then_some(body)
            .ok_or("this PEM is damaged: its BEGIN and END lines do not match")
    }
}

/// Base64 with padding. Blanks and line breaks do not count.
pub(crate) fn decode_base64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // With room for all, so that no piece of a private key stays behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    bytes.extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
    let len = Base64::decode_in_place(&mut bytes).ok()?.len();
    bytes.truncate(len);
    Some(bytes)
}

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    split(text, part).is_some()
}

/// What comes before and after `part`.
fn split<'a>(text: &'a [u8], part: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(part.len()).position(|found| found == part)?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.get(part.len()..)?))
}
