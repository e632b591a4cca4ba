//! What sealing and unsealing hold in secret is nowhere in memory afterwards: the memory of this process
//! is read as a file. The C library has more of this in `tests/c/regressions`.

use std::{
    cell::Cell,
    collections::HashSet,
    fs::{self, File},
    os::unix::fs::FileExt,
    thread,
    time::Duration,
};

use base64ct::{Base64UrlUnpadded, Encoding};
use libseal::{
    CacheLimits, CachingUnwrapper, DataKey, DataKeys, Envelope, ErrorKind, Header, JobKey,
    PublicKey, Recipient, SealingKey, SealingLimits, Unwrap, WrappedKey, random_fn, unseal,
    unwrap_fn,
};
use zeroize::{Zeroize, Zeroizing};

use crate::common::public_key;

/// Secrets of what is sealed with [`answer`]s, in windows of 8 bytes and masked.
const KNOWN_SECRETS: &str = include_str!("../../../tests/c/regressions/known_secrets.h");
const MASK: u8 = 0xa6;

/// Answer number `call` of the source of random bytes, as `good_byte()` in the tests in C.
fn answer(call: usize, out: &mut [u8]) {
    for (index, byte) in out.iter_mut().enumerate() {
        *byte = ((call * 89 + index * (index + 31)) % 256)
            .try_into()
            .unwrap();
    }
}

fn known_secrets() -> HashSet<u64> {
    let rows = KNOWN_SECRETS.lines().filter_map(|line| {
        let number = line.strip_prefix("    {0x")?.split(',').next()?;
        u64::from_str_radix(number, 16).ok()
    });
    let known: HashSet<_> = rows.collect();
    assert!(known.len() > 200);
    known
}

/// Looks through everything that can be written to. Blocks are masked where they are read to.
fn find(known: &HashSet<u64>) -> Option<String> {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    for map in maps.lines().filter(|map| map.contains(" rw")) {
        let (start, end) = map.split_once(' ').unwrap().0.split_once('-').unwrap();
        let [start, end] = [start, end].map(|hex| u64::from_str_radix(hex, 16).unwrap());
        let mut window = 0_u64;
        let mut block = [0; 4096];
        for at in (start..end).step_by(block.len()) {
            if memory.read_exact_at(&mut block, at).is_err() {
                break;
            }
            for byte in &mut block {
                *byte ^= MASK;
                window = window << 8 | u64::from(*byte);
                if known.contains(&window) {
                    return Some(map.into());
                }
            }
        }
    }
    None
}

fn unwrapper() -> impl Unwrap {
    unwrap_fn(|_| {
        let mut bytes = Zeroizing::new([0; 32]);
        answer(1, &mut *bytes);
        Ok(Some(DataKey::try_from(&bytes[..])?))
    })
}

fn sealed_with_known_key(key: &PublicKey) -> Vec<u8> {
    let calls = Cell::new(0);
    let source = random_fn(|out| {
        calls.set(calls.get() + 1);
        answer(calls.get(), out);
        Ok(())
    });
    let recipients = [Recipient::new(key)];
    let envelope = Envelope::new(&recipients).with_random(&source);
    envelope.seal(b"secret").unwrap()
}

#[inline(never)]
fn seal_and_unseal(key: &PublicKey, plaintext: &[u8]) {
    let calls = Cell::new(0);
    let source = random_fn(|out| {
        calls.set(calls.get() + 1);
        answer(calls.get(), out);
        Ok(())
    });
    let recipients = [Recipient::new(key)];
    let envelope = Envelope::new(&recipients).with_random(&source);
    let mut message = envelope.seal(plaintext).unwrap();
    assert_eq!(unseal(&message, unwrapper(), &[]).unwrap(), plaintext);
    *message.last_mut().unwrap() ^= 1;
    let error = unseal(&message, unwrapper(), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EndNotAuthentic);

    calls.set(0);
    let mut out = vec![0; plaintext.len() + 1000];
    let sealer = envelope.start(&mut out).unwrap();
    // Handles are moved about.
    let mut sealer = Box::new(sealer);
    sealer.update(plaintext, &mut out).unwrap();
    drop(sealer);

    calls.set(0);
    let sealing_key = SealingKey::new(envelope, SealingLimits::default()).unwrap();
    let mut sealing_key = Box::new(sealing_key);
    sealing_key.seal(plaintext).unwrap();
}

/// A data key that was in a cache is wiped on each of the ways out.
fn leave_a_cache(message: &[u8], known: &HashSet<u64>) {
    let limits = CacheLimits::default().with_max_entries(1);
    let cache = CachingUnwrapper::new(unwrapper(), limits);
    let ask = || unseal(message, &cache, &[]).unwrap();
    let header = Header::parse(message).unwrap();
    let key = header.wrapped_keys().next().unwrap();
    let other = WrappedKey::new(key.kind(), key.fingerprint(), "", b"other");

    let ways: [(&str, &dyn Fn()); 2] = [
        ("cleared", &|| cache.clear()),
        ("evicted", &|| cache.put(&other, [0; 32].into())),
    ];
    for (way, leave) in ways {
        ask();
        assert!(find(known).is_some(), "while it is in the cache");
        leave();
        assert_eq!(find(known), None, "{way}");
    }

    let old = CachingUnwrapper::new(unwrapper(), limits.with_max_age(Duration::from_millis(1)));
    unseal(message, &old, &[]).unwrap();
    thread::sleep(Duration::from_millis(5));
    assert_eq!(old.statistics().entries, 0);
    assert_eq!(find(known), None, "too old");

    let used_up = CachingUnwrapper::new(unwrapper(), limits.with_max_uses(2));
    for _ in 0..2 {
        unseal(message, &used_up, &[]).unwrap();
    }
    assert_eq!(find(known), None, "used up");

    ask();
    assert!(find(known).is_some());
    drop(cache);
    assert_eq!(find(known), None, "dropped with the cache");
}

/// Data keys of a job are wiped in the process that unwraps them and in the one that they travel to.
fn travel(message: &[u8], known: &HashSet<u64>) {
    let header = Header::parse(message).unwrap();
    let mut data_keys = DataKeys::new();
    data_keys.unwrap(&header, unwrapper()).unwrap();
    let job_key = JobKey::generate().unwrap();
    let encrypted = data_keys.encrypt(&job_key).unwrap();
    assert!(find(known).is_some());
    drop(data_keys);
    assert_eq!(find(known), None, "encrypted");

    let data_keys = DataKeys::decrypt(&job_key, &encrypted).unwrap();
    assert!(find(known).is_some());
    let mut part = data_keys.for_headers([&header]);
    part.extend(data_keys);
    assert_eq!(unseal(message, &part, &[]).unwrap(), b"secret");
    drop(part);
    assert_eq!(find(known), None, "decrypted");

    // A job key is known by its text here.
    let mut known_text = Zeroizing::new([0; 32]);
    answer(1, &mut *known_text);
    let text = Base64UrlUnpadded::encode_string(&*known_text);
    let job_key = JobKey::from_text(&Zeroizing::new(text)).unwrap();
    known_text.zeroize();
    assert!(find(known).is_some());
    drop(job_key);
    assert_eq!(find(known), None, "the job key");
}

#[test]
fn nothing_is_left() {
    let (key, known) = (public_key("rsa-2048"), known_secrets());
    // A secret that is there is found.
    let mut left = vec![0; 32];
    answer(1, &mut left);
    assert!(find(&known).is_some());
    left.zeroize();
    assert_eq!(find(&known), None);

    for len in [6, 16384, 100_000] {
        seal_and_unseal(&key, &vec![1; len]);
        assert_eq!(find(&known), None, "{len} bytes");
    }
    let message = sealed_with_known_key(&key);
    leave_a_cache(&message, &known);
    travel(&message, &known);
}
