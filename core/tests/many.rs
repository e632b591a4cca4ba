//! Many messages in one call, and the key that opens them.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::{cell::Cell, collections::HashSet};

use common::{LENGTHS, local_unwrapper, pattern, public_key};
use libseal::{
    Envelope, Error, ErrorKind, Header, RandomSource, Recipient, SealingKey, SealingLimits,
    SystemRandom, UnsealingKey, plaintext_len, random_fn, unseal, unseal_many,
};

const CONTEXT: &[(&str, &str)] = &[("device", "42")];

fn sealing_key(limits: SealingLimits) -> SealingKey<'static> {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    SealingKey::new(Envelope::new(&recipients).with_context(CONTEXT), limits).unwrap()
}

fn unsealing_key(message: &[u8]) -> UnsealingKey {
    let header = Header::parse(message).unwrap();
    let data_key = header.unwrap_with(local_unwrapper("rsa-2048")).unwrap();
    UnsealingKey::new(header, &data_key).unwrap()
}

/// Of all lengths, and more than one thread takes at a time.
fn plaintexts() -> Vec<Vec<u8>> {
    let lens = LENGTHS.iter().copied().chain(0..100).chain([1_000_000]);
    lens.map(pattern).collect()
}

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn messages_sealed_together_are_messages_like_any_other() {
    let plaintexts = plaintexts();
    let mut sealing_key = sealing_key(SealingLimits::default());
    let messages = sealing_key.seal_many(&plaintexts).unwrap();
    assert_eq!(messages.len(), plaintexts.len());
    for (message, plaintext) in messages.iter().zip(&plaintexts) {
        let len = sealing_key.sealed_len(plaintext.len() as u64).unwrap();
        assert_eq!(message.len() as u64, len);
        let required = [("device", Some("42"))];
        let opened = unseal(message, local_unwrapper("rsa-2048"), &required).unwrap();
        assert!(opened == *plaintext);
    }
    let header_len = Header::parse(&messages[0]).unwrap().len();
    let salts: HashSet<_> = messages
        .iter()
        .map(|message| &message[header_len..header_len + 24])
        .collect();
    assert_eq!(salts.len(), messages.len());
}

#[test]
fn one_key_opens_all_messages_of_a_sealing_key() {
    let plaintexts = plaintexts();
    let mut sealing_key = sealing_key(SealingLimits::default());
    let mut messages = sealing_key.seal_many(&plaintexts).unwrap();
    messages.push(sealing_key.seal(b"alone").unwrap());
    let key = unsealing_key(&messages[0]);
    assert_eq!(key.header(), &Header::parse(&messages[0]).unwrap());
    for (message, plaintext) in messages.iter().zip(&plaintexts) {
        assert!(key.unseal(message).unwrap() == *plaintext);
    }
    assert_eq!(key.unseal(messages.last().unwrap()).unwrap(), b"alone");
}

#[cfg(feature = "rayon")]
#[test]
fn on_several_threads_it_is_the_same() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build();
    let pool = pool.unwrap();
    let plaintexts = plaintexts();
    let mut sealing_key = sealing_key(SealingLimits::default());
    let messages = pool.install(|| sealing_key.seal_many(&plaintexts)).unwrap();
    let key = unsealing_key(&messages[0]);
    for threads in [None, 1.try_into().ok(), 2.try_into().ok()] {
        let mut opened: Vec<_> = plaintexts.iter().map(|text| vec![0; text.len()]).collect();
        let items = messages.iter().zip(&mut opened);
        let mut items: Vec<_> = items.map(|(m, o)| (&key, &m[..], &mut o[..])).collect();
        let results = pool.install(|| unseal_many(&mut items, threads));
        for (result, plaintext) in results.iter().zip(&plaintexts) {
            assert_eq!(result.as_ref().ok(), Some(&plaintext.len()));
        }
        assert!(opened == plaintexts);
    }
}

#[test]
fn an_error_of_one_message_is_its_own() {
    let plaintexts: Vec<_> = (0..40).map(|len| pattern(len * 1000)).collect();
    let messages = sealing_key(SealingLimits::default()).seal_many(&plaintexts);
    let mut messages = messages.unwrap();
    let key = unsealing_key(&messages[0]);
    let header_len = key.header().len();
    let chunk_of =
        |message: &mut Vec<u8>, position: usize| message[header_len + 56 + position] ^= 1;

    let mut expected = vec![None; 40];
    let mut spoil = |number: usize, how: &mut dyn FnMut(&mut Vec<u8>), kind| {
        how(&mut messages[number]);
        expected[number] = Some(kind);
    };
    spoil(1, &mut |m| chunk_of(m, 0), ErrorKind::EndNotAuthentic);
    spoil(39, &mut |m| chunk_of(m, 0), ErrorKind::AuthenticationFailed);
    spoil(
        3,
        &mut |m| m[header_len] ^= 1,
        ErrorKind::AuthenticationFailed,
    );
    spoil(
        4,
        &mut |m| m[header_len - 1] ^= 1,
        ErrorKind::AuthenticationFailed,
    );
    spoil(
        5,
        &mut |m| m.truncate(m.len() - 1),
        ErrorKind::EndNotAuthentic,
    );
    spoil(
        6,
        &mut |m| m.truncate(header_len + 60),
        ErrorKind::Truncated,
    );
    spoil(
        7,
        &mut |m| m.truncate(header_len + 10),
        ErrorKind::Truncated,
    );
    spoil(8, &mut |m| m.truncate(10), ErrorKind::Truncated);
    spoil(9, &mut Vec::clear, ErrorKind::EmptyMessage);
    spoil(10, &mut |m| m[0] = b's', ErrorKind::NotSealed);

    let mut outs: Vec<_> = plaintexts
        .iter()
        .map(|text| vec![0xaa; text.len()])
        .collect();
    outs[11].pop();
    let mut items: Vec<_> = messages
        .iter()
        .zip(&mut outs)
        .map(|(message, out)| (&key, &message[..], &mut out[..]))
        .collect();
    let results = unseal_many(&mut items, None);
    for (number, result) in results.into_iter().enumerate() {
        let plaintext = &plaintexts[number];
        match expected[number] {
            _ if number == 11 => assert_eq!(kind(result), ErrorKind::BufferTooSmall),
            None => {
                assert_eq!(result.unwrap(), plaintext.len());
                assert!(outs[number] == *plaintext);
            }
            Some(expected) => {
                assert_eq!(kind(result), expected, "{number}");
                let shown = outs[number].iter().zip(plaintext);
                let shown = shown
                    .filter(|(out, byte)| out == byte && **out != 0)
                    .count();
                assert!(shown <= plaintext.len() / 64, "{number}");
            }
        }
    }
}

#[test]
fn a_key_is_refused_for_another_header() {
    let message = sealing_key(SealingLimits::default()).seal(b"x").unwrap();
    let other = sealing_key(SealingLimits::default()).seal(b"x").unwrap();
    let header = Header::parse(&message).unwrap();
    let data_key = Header::parse(&other).unwrap();
    let data_key = data_key.unwrap_with(local_unwrapper("rsa-2048")).unwrap();
    let refused = UnsealingKey::new(header, &data_key);
    assert_eq!(kind(refused), ErrorKind::AuthenticationFailed);

    let key = unsealing_key(&message);
    assert_eq!(kind(key.unseal(&other)), ErrorKind::AuthenticationFailed);
    let mut room = [0; 10];
    assert_eq!(key.unseal_into(&message, &mut room).unwrap(), 1);
    assert_eq!(room[..plaintext_len(&message).unwrap()], *b"x");
    assert!(!format!("{key:?}").contains("data_key"));
}

#[test]
fn the_limits_hold_for_all_of_them_or_none_is_sealed() {
    let limits = SealingLimits::default().with_messages(3).with_bytes(100);
    let mut key = sealing_key(limits);
    let too_many = key.seal_many(&[b"a"; 4]);
    assert_eq!(kind(too_many), ErrorKind::SealingKeyExhausted);
    let too_long = key.seal_many(&[vec![0; 60], vec![0; 41]]);
    assert_eq!(kind(too_long), ErrorKind::SealingKeyExhausted);
    let overflow = key.start_many(vec![1 << 51, u64::MAX]);
    assert_eq!(kind(overflow), ErrorKind::MessageTooLong);
    assert_eq!(key.left(), limits);
    assert_eq!(key.seal_many(&[vec![0; 60], vec![0; 40]]).unwrap().len(), 2);
    assert_eq!((key.left().messages(), key.left().bytes()), (1, 0));
    assert!(key.seal_many(&[b""; 0]).unwrap().is_empty());
}

#[test]
fn only_what_was_begun_is_sealed() {
    let mut key = sealing_key(SealingLimits::default());
    let (mut first, mut second) = (vec![0; 1000], vec![0; 1000]);
    let other_len = key.start_many(vec![3, 4]).unwrap();
    let items = &mut [(&b"abc"[..], &mut first[..]), (b"abc", &mut second)];
    assert_eq!(kind(other_len.seal(items, None)), ErrorKind::InvalidState);
    let one_more = key.start_many(vec![3]).unwrap();
    assert_eq!(kind(one_more.seal(items, None)), ErrorKind::InvalidState);
    let too_small = key.start_many(vec![3, 3]).unwrap();
    let items = &mut [(&b"abc"[..], &mut first[..]), (b"abc", &mut second[..100])];
    assert_eq!(kind(too_small.seal(items, None)), ErrorKind::BufferTooSmall);
    assert!(first.iter().chain(&second).all(|byte| *byte == 0));
}

#[test]
fn a_source_of_random_bytes_that_repeats_itself_is_refused() {
    let is_stuck = Cell::new(false);
    let random = random_fn(|out| {
        SystemRandom.fill(out)?;
        if is_stuck.get() {
            // Two salts that are the same.
            let first = out[..24].to_vec();
            out[24..48].copy_from_slice(&first);
        }
        Ok(())
    });
    let public_key = public_key("rsa-2048");
    let recipients = [Recipient::new(&public_key)];
    let envelope = Envelope::new(&recipients).with_random(random);
    let mut key = SealingKey::new(envelope, SealingLimits::default()).unwrap();
    key.seal_many(&[b"a", b"b"]).unwrap();
    is_stuck.set(true);
    let left = key.left();
    assert_eq!(kind(key.seal_many(&[b"a", b"b"])), ErrorKind::RandomFailed);
    assert_eq!(key.left(), left);
}
