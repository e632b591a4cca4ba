//! Which bytes are UTF-8, for firmware: that of the standard library takes 0.4 KB more.

/// Says what [`str::from_utf8`] says: whether the bytes follow table 3-7 of the Unicode Standard,
/// "Well-Formed UTF-8 Byte Sequences" (RFC 3629 section 4 has the same in ABNF).
pub(crate) fn is_utf8(bytes: &[u8]) -> bool {
    /// Of a byte that continues a character, unless the first byte says less.
    const CONTINUATION: (u8, u8) = (0x80, 0xbf);
    let mut missing = 0;
    let mut range = CONTINUATION;
    for byte in bytes {
        if missing == 0 {
            (missing, range) = match byte {
                0x00..=0x7f => (0, CONTINUATION),
                0xc2..=0xdf => (1, CONTINUATION),
                0xe0 => (2, (0xa0, 0xbf)),
                0xed => (2, (0x80, 0x9f)),
                0xe1..=0xef => (2, CONTINUATION),
                0xf0 => (3, (0x90, 0xbf)),
                0xf1..=0xf3 => (3, CONTINUATION),
                0xf4 => (3, (0x80, 0x8f)),
                _ => return false,
            };
        } else {
            let (first, last) = range;
            if !(first..=last).contains(byte) {
                return false;
            }
            missing -= 1;
            range = CONTINUATION;
        }
    }
    missing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8]) {
        let expected = str::from_utf8(bytes).is_ok();
        assert_eq!(is_utf8(bytes), expected, "{bytes:x?}");
    }

    #[test]
    fn all_of_up_to_three_bytes() {
        check(&[]);
        for first in 0..=255 {
            check(&[first]);
            for second in 0..=255 {
                check(&[first, second]);
                for third in 0..=255 {
                    check(&[first, second, third]);
                }
            }
        }
    }

    #[test]
    fn all_characters() {
        for character in '\0'..=char::MAX {
            assert!(is_utf8(character.encode_utf8(&mut [0; 4]).as_bytes()));
        }
    }

    /// The bytes on either side of every limit, after each first byte.
    #[test]
    fn limits() {
        const LIMITS: [u8; 19] = [
            0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xec,
            0xed, 0xef, 0xf0, 0xf4, 0xf5,
        ];
        for first in 0..=255 {
            for second in LIMITS {
                for third in LIMITS {
                    for fourth in LIMITS {
                        check(&[first, second, third, fourth]);
                        for fifth in [0x41, 0x80, 0xc2] {
                            check(&[first, second, third, fourth, fifth]);
                        }
                    }
                }
            }
        }
    }
}
