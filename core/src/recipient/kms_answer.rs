//! The answer of KMS `GetPublicKey` in JSON, as `aws kms get-public-key` prints it.
//!
//! It is one object, of which three strings count. A library for all of JSON would be larger than the
//! rest of reading keys, on devices too.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use crate::{
    error::{Error, ErrorKind},
    recipient::{
        key_text::{from_der_in_text, not_a_public_key, private_key},
        pem::decode_base64,
        public_key::PublicKey,
    },
};

const WEB_KEY: &str = "this is a JSON Web Key; convert it to PEM or DER";
const PRIVATE_WEB_KEY: &str =
    "this is a private JSON Web Key; it does not belong on a sealing device: give the public key";

pub(crate) fn public_key(json: &[u8]) -> Result<PublicKey, Error> {
    let members = Members::parse(json);
    let members = members.ok_or_else(|| not_a_public_key("this JSON is damaged or cut short"))?;
    let Some(key) = members.string("PublicKey") else {
        return Err(mistaken(&members));
    };
    let is_rsa = |spec: &str| spec.starts_with("RSA_");
    if !members.string("KeySpec").is_none_or(is_rsa) {
        return Err(ErrorKind::NotRsa.into());
    }
    let may_decrypt = |usage: &str| usage == "ENCRYPT_DECRYPT";
    if !members.string("KeyUsage").is_none_or(may_decrypt) {
        return Err(ErrorKind::WrongKeyUsage.into());
    }
    let der = decode_base64(key.as_bytes());
    from_der_in_text(&der.ok_or_else(|| not_a_public_key("the `PublicKey` is not base64"))?)
}

fn mistaken(members: &Members) -> Error {
    if members.has("kty") || members.has("keys") {
        return match members.has("d") {
            true => private_key(PRIVATE_WEB_KEY),
            false => not_a_public_key(WEB_KEY),
        };
    }
    not_a_public_key("this JSON is not what KMS GetPublicKey returns: it has no `PublicKey`")
}

/// The members of an object. Values that are not strings are `None`.
struct Members(BTreeMap<String, Option<String>>);

impl Members {
    /// `None` also if two members have the same name: then there is no telling which one counts.
    fn parse(json: &[u8]) -> Option<Self> {
        let mut text = Scanner(json);
        let mut members = BTreeMap::new();
        text.expect(b'{')?;
        loop {
            let name = text.string()?;
            text.expect(b':')?;
            let value = text.value()?;
            if members.insert(name, value).is_some() {
                return None;
            }
            match text.next()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        text.next().is_none().then_some(Self(members))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn string(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref()
    }
}

/// Reads JSON (RFC 8259) front to back.
struct Scanner<'a>(&'a [u8]);

impl Scanner<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// The next byte that is not blank.
    fn next(&mut self) -> Option<u8> {
        self.0 = self.0.trim_ascii_start();
        self.byte()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn string(&mut self) -> Option<String> {
        self.expect(b'"')?;
        let mut string = Vec::new();
        loop {
            match self.byte()? {
                b'"' => return String::from_utf8(string).ok(),
                b'\\' => {
                    let mut utf8 = [0; 4];
                    string.extend_from_slice(self.escaped()?.encode_utf8(&mut utf8).as_bytes());
                }
                byte => string.push(byte),
            }
        }
    }

    /// Letters outside the basic plane are not kept: no name or value that counts has one.
    fn escaped(&mut self) -> Option<char> {
        Some(match self.byte()? {
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (digits, rest) = self.0.split_first_chunk::<4>()?;
                self.0 = rest;
                let digits = core::str::from_utf8(digits).ok()?;
                let code = u32::from_str_radix(digits, 16).ok()?;
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => char::from(other),
        })
    }

    /// A value: the string, or `None` for what is skipped.
    fn value(&mut self) -> Option<Option<String>> {
        self.0 = self.0.trim_ascii_start();
        if self.0.starts_with(b"\"") {
            return self.string().map(Some);
        }
        let mut depth = 0_usize;
        loop {
            match (self.0.first()?, depth) {
                (b',' | b'}', 0) => return Some(None),
                (b'"', _) => drop(self.string()?),
                (byte, _) => {
                    match byte {
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth = depth.checked_sub(1)?,
                        _ => {}
                    }
                    self.byte()?;
                }
            }
        }
    }
}
