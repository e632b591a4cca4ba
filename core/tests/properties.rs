//! Properties that hold for all inputs, tried on random ones.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::collections::BTreeMap;

use common::{Vector, known_key, local_unwrapper, public_key, seal_in_pieces};
use libseal::{Envelope, Header, Recipient, Unsealer, unseal};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_sealed_comes_back(
        plaintext in prop::collection::vec(any::<u8>(), 0..40_000),
        context in prop::collection::btree_map("[^l].{0,20}", ".{0,20}", 0..6),
        key_id in ".{0,40}",
        seal_piece in 1_usize..20_000,
        unseal_piece in 1_usize..20_000,
    ) {
        let key = public_key("rsa-2048");
        let recipients = [Recipient::new(&key).with_key_id(&key_id)];
        let pairs: Vec<_> = context.iter().map(|(k, v)| (&**k, &**v)).rev().collect();
        let envelope = Envelope::new(&recipients).with_context(&pairs);
        let message = seal_in_pieces(&envelope, &plaintext, seal_piece);

        let header = Header::parse(&message).unwrap();
        let found: BTreeMap<_, _> = header.context().collect();
        prop_assert!(found.into_iter().eq(context.iter().map(|(k, v)| (&**k, &**v))));
        prop_assert_eq!(header.wrapped_keys().next().unwrap().key_id(), key_id);

        let required: Vec<_> = pairs.iter().map(|(key, value)| (*key, Some(*value))).collect();
        let mut unsealer = Unsealer::new(&required);
        let mut opened = Vec::new();
        for mut piece in message.chunks(unseal_piece) {
            while !piece.is_empty() {
                let mut out = vec![0; unsealer.update_len(piece.len())];
                piece = &piece[unsealer.update(piece, &mut out).unwrap().consumed..];
                opened.extend(out);
                if unsealer.needs_key() {
                    unsealer.unwrap_with(local_unwrapper("rsa-2048")).unwrap();
                }
            }
        }
        let mut out = vec![0; unsealer.finish_len()];
        unsealer.finish(&mut out).unwrap();
        opened.extend(out);
        prop_assert_eq!(opened, plaintext);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn strange_bytes_are_refused_without_a_panic(
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        appended in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let vector = Vector::accepted("recipients_both_algorithms");
        let mut message = vector.message.clone();
        message.truncate(1 + cut.index(message.len()));
        for (index, byte) in changes {
            let len = message.len();
            message[index.index(len)] = byte;
        }
        message.extend(appended);

        match unseal(&message, known_key(vector.data_key.unwrap()), &[]) {
            Ok(_) => prop_assert_eq!(message, vector.message),
            Err(_) => prop_assert_ne!(message, vector.message),
        }
    }
}
