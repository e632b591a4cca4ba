//! `Debug` prints neither plaintext nor keys, of whatever type.

use std::{
    fmt::Debug,
    io::{Cursor, Read, Write, sink},
};

use libseal::{
    DataKey, Envelope, Header, Reading, Recipient, SealWriter, SealingKey, SealingLimits,
    UnsealReader, Unsealer, Unwrapped, Writing, random_fn, unwrap_fn,
};

use crate::common::{local_unwrapper, public_key};

const PLAINTEXT: &[u8] = b"a secret of which nothing is to be seen";
const KEY: [u8; 32] = *b"K3yK3yK3y of which nothing is to";

/// Looks for parts of the secrets as text, and as the numbers and hex digits that bytes are printed as.
#[track_caller]
fn assert_says_nothing(value: &dyn Debug) {
    let printed = [format!("{value:?}"), format!("{value:#?}")].map(|text| {
        let mut text = text.replace([' ', '\n', ','], "");
        text.make_ascii_lowercase();
        text
    });
    for secret in [PLAINTEXT, &KEY] {
        for part in secret.windows(6) {
            let text = String::from_utf8_lossy(part)
                .replace(' ', "")
                .to_lowercase();
            let decimal: String = part.iter().map(u8::to_string).collect();
            let hex = hex::encode(part);
            for form in [text, decimal, hex] {
                for printed in &printed {
                    assert!(!printed.contains(&form), "{printed}");
                }
            }
        }
    }
}

#[test]
fn no_type_prints_a_secret() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let answer = std::cell::Cell::new(0);
    // The data key is drawn first.
    let random = random_fn(|out| {
        answer.set(answer.get() + 1);
        out.copy_from_slice(&KEY[..out.len()]);
        out[0] ^= answer.get() - 1;
        Ok(())
    });
    let envelope = Envelope::new(&recipients).with_random(&random);
    let start = || answer.set(0);

    start();
    let message = envelope.seal(PLAINTEXT).unwrap();
    assert_says_nothing(&envelope);
    assert_says_nothing(&DataKey::from(KEY));
    assert_says_nothing(&Unwrapped::DataKey(DataKey::from(KEY)));
    assert_says_nothing(&Some(DataKey::from(KEY)));
    assert_says_nothing(&local_unwrapper("rsa-2048"));

    start();
    let mut out = vec![0; 1000];
    let mut sealer = envelope.start(&mut out).unwrap();
    assert_says_nothing(&sealer);
    sealer.update(PLAINTEXT, &mut out).unwrap();
    assert_says_nothing(&sealer);

    start();
    let mut sealing_key = SealingKey::new(envelope, SealingLimits::default()).unwrap();
    sealing_key.seal(PLAINTEXT).unwrap();
    assert_says_nothing(&sealing_key);

    start();
    let mut writing = Writing::new(&envelope).unwrap();
    writing.advance(writing.sealed().unwrap().len());
    writing.write(PLAINTEXT).unwrap();
    assert_says_nothing(&writing);

    start();
    let mut writer = SealWriter::new(sink(), &envelope).unwrap();
    writer.write_all(PLAINTEXT).unwrap();
    assert_says_nothing(&writer);

    let unwrap = || unwrap_fn(|_| Ok(Some(DataKey::from(KEY))));
    let header = Header::parse(&message).unwrap();
    assert_says_nothing(&header);
    let mut unsealer = Unsealer::new(&[]);
    let taken = unsealer.update(&message, &mut []).unwrap().consumed;
    unsealer.unwrap_with(unwrap()).unwrap();
    assert_says_nothing(&unsealer);
    let _ = unsealer.update(&message[taken..], &mut []).unwrap();
    assert_says_nothing(&unsealer);
    unsealer.finish(&mut out).unwrap();
    assert_says_nothing(&unsealer);

    let reading = Reading::with_key(header.clone(), DataKey::from(KEY)).unwrap();
    assert_says_nothing(&reading);
    let mut reader = UnsealReader::new(Cursor::new(&message), unwrap(), &[]).unwrap();
    let mut part = [0; 5];
    reader.read_exact(&mut part).unwrap();
    assert_says_nothing(&reader);
}
