//! The little of DER (ITU-T X.690) that RSA public keys are written in. Firmware has no room for
//! more: a general parser is half as large as all the rest of sealing.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const SEQUENCE: u8 = 0x30;

/// The sequence that `file` is. Behind it there may be blanks, line breaks and NULs, which editors,
/// shells and C strings add.
pub(crate) fn sequence(file: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(file);
    reader.element(SEQUENCE)?;
    let (sequence, rest) = file.split_at_checked(file.len() - reader.0.len())?;
    rest.iter().all(is_blank).then_some(sequence)
}

pub(crate) const fn is_blank(byte: &u8) -> bool {
    *byte == 0 || byte.is_ascii_whitespace()
}

/// Reads elements front to back. Lengths are definite, as short as can be, and below 64 KiB.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The contents of the one element that `bytes` are, and that has this tag.
    pub(crate) fn only(bytes: &'a [u8], tag: u8) -> Option<Self> {
        let mut reader = Self(bytes);
        let contents = reader.element(tag)?;
        reader.0.is_empty().then_some(Self(contents))
    }

    /// The contents of the next element, which has this tag, to be read in turn.
    pub(crate) fn contents(&mut self, tag: u8) -> Option<Self> {
        self.element(tag).map(Self)
    }

    /// What was not read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// The contents of the next element, which has this tag.
    pub(crate) fn element(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, contents) = self.any()?;
        (found == tag).then_some(contents)
    }

    /// Tag and contents of the next element.
    pub(crate) fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = match first {
            ..=0x7f => (usize::from(first), rest),
            0x81 => {
                let (&len, rest) = rest.split_first()?;
                (usize::from(len), rest)
            }
            0x82 => {
                let (len, rest) = rest.split_first_chunk()?;
                (usize::from(u16::from_be_bytes(*len)), rest)
            }
            _ => return None,
        };
        let shortest = match len {
            0..=0x7f => first < 0x80,
            0x80..=0xff => first == 0x81,
            _ => true,
        };
        let (contents, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        shortest.then_some((tag, contents))
    }

    /// The next element, an integer above 0, big-endian without leading zeros.
    pub(crate) fn positive_integer(&mut self) -> Option<&'a [u8]> {
        let number = self.element(INTEGER)?;
        let (&first, rest) = number.split_first()?;
        match first {
            0 if is_top_bit_set(rest) => Some(rest),
            1..0x80 => Some(number),
            _ => None,
        }
    }
}

fn is_top_bit_set(number: &[u8]) -> bool {
    number.first().is_some_and(|byte| *byte >= 0x80)
}

/// An element, below 64 KiB.
#[cfg(feature = "alloc")]
pub(crate) fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let [.., high, low] = contents.len().to_be_bytes();
    let len = match (high, low) {
        (0, ..0x80) => &[low][..],
        (0, _) => &[0x81, low],
        _ => &[0x82, high, low],
    };
    [&[tag], len, &contents].concat()
}

/// An integer above 0, big-endian.
#[cfg(feature = "alloc")]
pub(crate) fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let (_, number) = number.split_at(zeros);
    let sign: &[u8] = if is_top_bit_set(number) { &[0] } else { &[] };
    element(INTEGER, &[sign, number])
}
