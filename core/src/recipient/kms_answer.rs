//! The answer of KMS `GetPublicKey` in JSON, as `aws kms get-public-key` prints it; and key bundles, which
//! are such an answer with more members.
//!
//! It is one object, of which a few strings count. A library for all of JSON would be larger than the
//! rest of reading keys, on devices too.

use core::time::Duration;

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use der::DateTime;

use crate::{
    error::{Error, ErrorKind},
    recipient::{
        key_text::{from_der_in_text, key_text, not_a_public_key, private_key},
        pem::decode_base64,
        public_key::PublicKey,
    },
};

const WEB_KEY: &str = "this is a JSON Web Key; convert it to PEM or DER";
const PRIVATE_WEB_KEY: &str =
    "this is a private JSON Web Key; it does not belong on a sealing device: give the public key";

const EXPIRES: &str = "this key bundle has a NotAfter; read it with `from_bundle`, which checks the time (where there is none, as in C, read the key in DER)";
const NO_BUNDLE: &str =
    "this is not a key bundle, which is JSON; a key in another form is read without the time";
const BAD_FINGERPRINT: &str =
    "the `Fingerprint` of this key bundle is not a string of 64 hexadecimal digits";

/// A key is made on a machine whose clock may be ahead of ours, by a time zone at most.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(24 * 60 * 60);

/// A key that is valid at any time.
pub(crate) fn public_key(json: &[u8]) -> Result<PublicKey, Error> {
    let members = Members::read(json)?;
    let key = members.public_key()?;
    match members.has("NotAfter") {
        false => Ok(key),
        true => Err(not_a_public_key(EXPIRES)),
    }
}

/// A key that is valid at this time since 1970.
pub(crate) fn from_bundle(file: &[u8], at: Duration) -> Result<PublicKey, Error> {
    let text = key_text(file).map_err(not_a_public_key)?;
    if !text.starts_with(b"{") {
        return Err(not_a_public_key(NO_BUNDLE));
    }
    let members = Members::read(text)?;
    let key = members.public_key()?;
    let not_valid = |reason: String| Err(Error::with_reason(ErrorKind::KeyNotValidNow, reason));
    if let Some(created) = members.time("Created")?
        && created.unix_duration() > at.saturating_add(CLOCK_TOLERANCE)
    {
        return not_valid(format!(
            "this key bundle was created on {created}, which is yet to come: set the clock"
        ));
    }
    if let Some(not_after) = members.time("NotAfter")?
        && not_after.unix_duration() < at
    {
        return not_valid(format!(
            "this key bundle expired on {not_after}: get a current one"
        ));
    }
    Ok(key)
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

fn from_hex(digits: &str) -> Option<[u8; 32]> {
    let is_well_formed = digits.len() == 64 && digits.bytes().all(|d| d.is_ascii_hexdigit());
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    is_well_formed.then_some(bytes)
}

/// The members of an object. Values that are not strings are `None`.
struct Members(BTreeMap<String, Option<String>>);

impl Members {
    fn read(json: &[u8]) -> Result<Self, Error> {
        let members = Self::parse(json);
        members.ok_or_else(|| not_a_public_key("this JSON is damaged or cut short"))
    }

    /// The key, if all that the members say about it is true, but for the time.
    fn public_key(&self) -> Result<PublicKey, Error> {
        let Some(key) = self.string("PublicKey") else {
            return Err(mistaken(self));
        };
        let spec = self.string("KeySpec");
        if !spec.is_none_or(|spec| spec.starts_with("RSA_")) {
            return Err(ErrorKind::NotRsa.into());
        }
        let may_decrypt = |usage: &str| usage == "ENCRYPT_DECRYPT";
        if !self.string("KeyUsage").is_none_or(may_decrypt) {
            return Err(ErrorKind::WrongKeyUsage.into());
        }
        let der = decode_base64(key.as_bytes());
        let der = der.ok_or_else(|| not_a_public_key("the `PublicKey` is not base64"))?;
        let key = from_der_in_text(&der)?;
        let true_spec = format!("RSA_{}", key.bits());
        if spec.is_some_and(|spec| spec != true_spec) {
            let reason =
                format!("the key is an {true_spec}, and its `KeySpec` says otherwise: get it anew");
            return Err(Error::with_reason(ErrorKind::NotAPublicKey, reason));
        }
        if self.has("Fingerprint") {
            let expected = self.string("Fingerprint").and_then(from_hex);
            let expected = expected.ok_or_else(|| not_a_public_key(BAD_FINGERPRINT))?;
            if *key.fingerprint() != expected {
                return Err(key.mismatch(&expected));
            }
        }
        Ok(key)
    }

    /// A time in UTC, as in RFC 3339.
    fn time(&self, name: &str) -> Result<Option<DateTime>, Error> {
        if !self.has(name) {
            return Ok(None);
        }
        let time = self.string(name).and_then(|time| time.parse().ok());
        time.map(Some).ok_or_else(|| {
            let reason = format!(
                "the `{name}` of this key bundle is not a time in UTC such as 2027-11-27T00:00:00Z"
            );
            Error::with_reason(ErrorKind::NotAPublicKey, reason)
        })
    }

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
