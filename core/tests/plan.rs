//! Plans: what a job has to read, and how the work is divided.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::num::NonZero;

use common::{public_key, seal};
use libseal::{Envelope, ErrorKind, Header, Plan, Recipient, SealingKey};

/// Messages of these lengths under a data key of their own.
fn fleet(lens: &[usize]) -> Vec<Vec<u8>> {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let mut sealing_key = SealingKey::new(Envelope::new(&recipients), Default::default()).unwrap();
    let seal = |len: &usize| sealing_key.seal(&vec![7; *len]).unwrap();
    lens.iter().map(seal).collect()
}

fn plan(messages: &[Vec<u8>]) -> Plan {
    let mut plan = Plan::new();
    for (number, message) in messages.iter().enumerate() {
        assert_eq!(plan.add(message, message.len() as u64).unwrap(), number);
    }
    plan
}

fn parts(plan: &Plan, count: usize) -> Vec<Vec<usize>> {
    let parts = plan.partitions(NonZero::new(count).unwrap());
    let mut files = parts.concat();
    files.sort_unstable();
    assert_eq!(files, Vec::from_iter(0..plan.len()), "each file once");
    assert!(
        parts.len() <= count
            && parts
                .iter()
                .all(|part| !part.is_empty() && part.is_sorted())
    );
    parts
}

fn len(plan: &Plan, part: &[usize]) -> u64 {
    part.iter()
        .map(|file| plan.message_len(*file).unwrap())
        .sum()
}

/// How many calls of a KMS the workers make in all.
fn calls(plan: &Plan, parts: &[Vec<usize>]) -> usize {
    let calls = parts
        .iter()
        .map(|part| plan.part(part).unwrap().headers().len());
    calls.sum()
}

#[test]
fn beginnings_and_lengths_are_enough() {
    let messages = [fleet(&[0, 50_000]), fleet(&[16_384]), fleet(&[1, 2, 3])].concat();
    let mut plan = Plan::new();
    assert!(plan.is_empty() && plan.headers().is_empty());
    for message in &messages {
        let header_len = Header::parse(message).unwrap().len();
        plan.add(&message[..header_len], message.len() as u64)
            .unwrap();
    }
    assert_eq!((plan.len(), plan.headers().len()), (6, 3));
    for (file, len) in [0, 50_000, 16_384, 1, 2, 3].into_iter().enumerate() {
        assert_eq!(plan.plaintext_len(file), Some(len));
        assert_eq!(plan.message_len(file), Some(messages[file].len() as u64));
        let header = Header::parse(&messages[file]).unwrap();
        assert_eq!(plan.header_of(file), Some(&header));
        let number = plan.header_number_of(file).unwrap();
        assert_eq!(plan.headers()[number], header);
    }
    assert_eq!(plan.header_of(6), None);
    assert_eq!(plan.header_number_of(6), None);
    assert_eq!(plan.message_len(6), None);
    assert_eq!(plan.plaintext_len(6), None);
}

#[test]
fn what_is_no_message_is_not_added() {
    let message = seal(&[], b"plaintext");
    let header_len = Header::parse(&message).unwrap().len();
    let len = message.len() as u64;
    let mut plan = Plan::new();
    for (beginning, len, kind) in [
        (&b"PAR1 and more"[..], len, ErrorKind::NotSealed),
        (b"", 0, ErrorKind::EmptyMessage),
        (&message[..header_len - 1], len, ErrorKind::Truncated),
        (&message, header_len as u64 - 1, ErrorKind::Truncated),
        (&message, header_len as u64 + 71, ErrorKind::Truncated),
    ] {
        assert_eq!(plan.add(beginning, len).unwrap_err().kind(), kind);
    }
    assert!(plan.is_empty() && plan.headers().is_empty());
    // The shortest that there is.
    plan.add(&message, header_len as u64 + 72).unwrap();
    assert_eq!(plan.plaintext_len(0), Some(0));
}

#[test]
fn plans_of_several_scans_become_one() {
    let (one, two) = (fleet(&[10, 20]), fleet(&[30]));
    let mut merged = plan(&[&one[..1], &two].concat());
    merged.extend(plan(&[&two[..], &one[1..]].concat()));
    assert_eq!((merged.len(), merged.headers().len()), (4, 2));
    for (file, message) in [&one[0], &two[0], &two[0], &one[1]].into_iter().enumerate() {
        assert_eq!(
            merged.header_of(file),
            Some(&Header::parse(message).unwrap())
        );
        assert_eq!(merged.message_len(file), Some(message.len() as u64));
    }
}

#[test]
fn a_part_has_the_headers_that_it_needs() {
    let messages = [fleet(&[1, 2]), fleet(&[3]), fleet(&[4])].concat();
    let plan = plan(&messages);
    let part = plan.part(&[3, 0, 1]).unwrap();
    assert_eq!((part.len(), part.headers().len()), (3, 2));
    for (file, of_plan) in [3, 0, 1].into_iter().enumerate() {
        assert_eq!(part.header_of(file), plan.header_of(of_plan));
        assert_eq!(part.plaintext_len(file), plan.plaintext_len(of_plan));
    }
    assert!(plan.part(&[0, 4]).is_none());
    assert!(plan.part(&[]).unwrap().headers().is_empty());
}

#[test]
fn files_of_one_key_stay_together() {
    let fleets: Vec<_> = (0..6).map(|_| fleet(&[1000; 4])).collect();
    // Added in turns, as a listing has them.
    let messages = (0..4).flat_map(|n| fleets.iter().map(move |fleet| fleet[n].clone()));
    let plan = plan(&messages.collect::<Vec<_>>());
    for count in [1, 2, 3, 6] {
        let parts = parts(&plan, count);
        assert_eq!(parts.len(), count);
        assert_eq!(calls(&plan, &parts), 6, "one call for each key");
        let lens: Vec<_> = parts.iter().map(|part| len(&plan, part)).collect();
        assert!(lens.iter().all(|len| *len == lens[0]), "{lens:?}");
    }
}

#[test]
fn a_key_with_more_than_a_share_is_divided_into_few_pieces() {
    let messages = [fleet(&[1000; 40]), fleet(&[1000; 10])].concat();
    let plan = plan(&messages);
    // A share is 12 or 13 files: 40 take four pieces, and 10 stay together.
    let parts = parts(&plan, 4);
    assert_eq!(parts.len(), 4);
    assert_eq!(calls(&plan, &parts), 5);

    let one_key = self::plan(&fleet(&[1000; 10]));
    let parts = self::parts(&one_key, 5);
    assert_eq!(parts.len(), 5);
    assert!(parts.iter().all(|part| part.len() == 2), "{parts:?}");
}

#[test]
fn no_part_is_longer_than_two_shares_and_a_file() {
    let mut state = 1_u32;
    let mut next = |most: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 16) % most) as usize
    };
    for count in [1, 2, 3, 7, 30, 1000] {
        let fleets = (0..10).flat_map(|_| {
            let lens: Vec<_> = (0..=next(12)).map(|_| next(30_000)).collect();
            fleet(&lens)
        });
        let plan = plan(&fleets.collect::<Vec<_>>());
        let parts = parts(&plan, count);
        let lens: Vec<_> = parts.iter().map(|part| len(&plan, part)).collect();
        let longest_file = (0..plan.len())
            .filter_map(|file| plan.message_len(file))
            .max();
        let share = lens.iter().sum::<u64>().div_ceil(count as u64);
        assert!(
            lens.iter()
                .all(|len| *len <= 2 * share + longest_file.unwrap()),
            "{lens:?}"
        );
        assert!(
            parts.len() >= count.min(10).min(plan.len()),
            "{count}: {}",
            parts.len()
        );
    }
}

#[test]
fn there_are_no_empty_parts() {
    assert!(parts(&Plan::new(), 3).is_empty());
    assert_eq!(parts(&plan(&fleet(&[1, 2])), 1000).len(), 2);
    assert_eq!(parts(&plan(&fleet(&[1])), usize::MAX), [[0]]);
}

#[test]
fn untrusted_lengths_do_no_harm() {
    // As long as no object is, but a store may say anything.
    let message = seal(&[], b"plaintext");
    let mut plan = Plan::new();
    for _ in 0..3 {
        plan.add(&message, u64::MAX - 16_000).unwrap();
    }
    assert_eq!(parts(&plan, 3).len(), 3);
    assert_eq!(parts(&plan, usize::MAX).len(), 3);
}

#[test]
fn a_plan_travels_as_bytes() {
    for messages in [vec![], [fleet(&[0, 16_384]), fleet(&[5])].concat()] {
        let plan = plan(&messages);
        let bytes = plan.to_bytes();
        let again = Plan::from_bytes(&bytes).unwrap();
        assert_eq!(again.headers(), plan.headers());
        assert_eq!(again.len(), plan.len());
        for file in 0..plan.len() {
            assert_eq!(again.header_of(file), plan.header_of(file));
            assert_eq!(again.message_len(file), plan.message_len(file));
            assert_eq!(again.plaintext_len(file), plan.plaintext_len(file));
        }
        assert_eq!(again.to_bytes(), bytes);
    }
}

#[test]
fn bytes_of_no_plan_are_refused() {
    let plan = plan(&[fleet(&[0]), fleet(&[5])].concat());
    let bytes = plan.to_bytes();
    let kind = |bytes: &[u8]| Plan::from_bytes(bytes).unwrap_err().kind();
    let whole = [bytes.len() - 32, bytes.len() - 16];
    for len in (0..bytes.len()).filter(|len| !whole.contains(len)) {
        assert_eq!(kind(&bytes[..len]), ErrorKind::HeaderMalformed, "{len}");
    }
    assert_eq!(
        kind(&[&[2], &bytes[1..]].concat()),
        ErrorKind::UnsupportedVersion
    );
    let end = bytes.len();
    for (place, what) in [
        (8, "more headers than there are"),
        (9, "a header of many bytes"),
        (end - 9, "a header that is not there"),
        (end - 1, "a length that no message has"),
    ] {
        let mut altered = bytes.clone();
        altered[place] = if place == end - 1 { 1 } else { 77 };
        altered[end - 2] = if place == end - 1 {
            0
        } else {
            altered[end - 2]
        };
        assert_eq!(kind(&altered), ErrorKind::HeaderMalformed, "{what}");
    }
    // The same header twice.
    let header_len = plan.headers()[0].len();
    let mut twice = bytes;
    twice.copy_within(9 + 8..9 + 8 + header_len, 9 + 8 + header_len + 8);
    assert_eq!(kind(&twice), ErrorKind::HeaderMalformed);
}

#[test]
fn debug_output_is_short() {
    let plan = plan(&fleet(&[1, 2]));
    assert_eq!(format!("{plan:?}"), "Plan { files: 2, headers: 1, .. }");
}
