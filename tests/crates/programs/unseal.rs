//! Unseals the message on standard input, seals its plaintext again, and prints what comes out of that.

use std::io::{Read, Write, stdin, stdout};

use libseal::{Envelope, LocalUnwrapper, PublicKey, Recipient};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    libseal::self_test()?;
    let mut message = Vec::new();
    stdin().read_to_end(&mut message)?;
    let unwrapper = LocalUnwrapper::new(include_bytes!(env!("PRIVATE_KEY")), None)?;
    let context = [("device", "42")];
    let required = [("device", Some("42"))];
    let plaintext = libseal::unseal(&message, &unwrapper, &required)?;

    let key = PublicKey::new(include_bytes!(env!("PUBLIC_KEY")))?;
    let recipients = [Recipient::new(&key)];
    let message = Envelope::new(&recipients).with_context(&context).seal(&plaintext)?;
    stdout().write_all(&libseal::unseal(&message, &unwrapper, &required)?)?;
    Ok(())
}
