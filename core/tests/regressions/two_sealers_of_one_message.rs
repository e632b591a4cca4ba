//! One message had two sealers, or went on after its end: both used a key stream twice.

use std::marker::PhantomData;

use libseal::{Envelope, ErrorKind, Recipient, SealWriter, Sealer, SealingKey, Writing};

use crate::common::public_key;

struct Type<T>(PhantomData<T>);

trait NotClone {
    const IS_CLONE: bool = false;
}

impl<T> NotClone for Type<T> {}

impl<T: Clone> Type<T> {
    /// Found before that of the trait.
    const IS_CLONE: bool = true;
}

/// Nothing that seals can be cloned; the last line shows that it would be noticed.
const _: () = {
    assert!(!Type::<Sealer>::IS_CLONE);
    assert!(!Type::<Writing>::IS_CLONE);
    assert!(!Type::<SealWriter<Vec<u8>>>::IS_CLONE);
    assert!(!Type::<SealingKey<'_>>::IS_CLONE);
    assert!(Type::<Envelope<'_>>::IS_CLONE);
};

#[test]
fn nothing_follows_the_end() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    for last in [0, 1, 16384, 20000] {
        let mut start = vec![0; envelope.start_len().unwrap()];
        let mut sealer = envelope.start(&mut start).unwrap();
        let mut out = [0xaa; 40000];
        sealer.finish_with(&[7; 20000][..last], &mut out).unwrap();
        let mut out = [0xaa; 40000];
        for input in [0, 1, 20000] {
            let input = &[8; 20000][..input];
            let results = [
                sealer.update(input, &mut out),
                sealer.finish_with(input, &mut out),
                sealer.finish(&mut out),
            ];
            for result in results {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidState);
            }
        }
        assert_eq!(out, [0xaa; 40000]);
    }
}
