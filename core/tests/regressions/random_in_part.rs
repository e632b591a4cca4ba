//! A source that fills only a part of what it is asked for is found.

use std::cell::Cell;

use libseal::{Envelope, ErrorKind, PublicKey, RandomSource, Recipient, SystemRandom, random_fn};

use crate::common::public_key;

/// Fills the range of each answer, from answer number `first` on; what comes before is good.
fn seal(key: &PublicKey, first: usize, filled: std::ops::Range<usize>) -> Result<(), ErrorKind> {
    let answers = Cell::new(0);
    let source = random_fn(|out| {
        let is_good = answers.get() < first;
        answers.set(answers.get() + 1);
        let mut bytes = vec![0; out.len()];
        SystemRandom.fill(&mut bytes)?;
        for (index, (out, byte)) in out.iter_mut().zip(bytes).enumerate() {
            if is_good || filled.contains(&index) {
                *out = byte;
            }
        }
        Ok(())
    });
    let recipients = [Recipient::new(key)];
    let envelope = Envelope::new(&recipients).with_random(source);
    envelope.seal(b"21.5 C").map(drop).map_err(|e| e.kind())
}

#[test]
fn a_source_that_answers_in_part_is_refused() {
    let key = public_key("rsa-2048");
    // Data key, seed, salt.
    for first in 0..3 {
        for filled in [0..1, 0..4, 0..8, 0..12, 0..16, 8..32, 16..32] {
            let found = seal(&key, first, filled.clone());
            assert_eq!(found, Err(ErrorKind::RandomFailed), "{first}, {filled:?}");
        }
    }
    assert_eq!(seal(&key, 0, 0..32), Ok(()));
}
