//! Public keys as text: PEM, base64, what the AWS command line prints; and what else people take for
//! one.

use crate::{
    error::{Error, ErrorKind},
    recipient::{
        der, kms_answer,
        pem::{self, Block},
        public_key::{PublicKey, REQUEST_GIVEN, certificate_given},
    },
};

/// Most bytes of a file with a key, text around it included.
const MAX_FILE_LEN: usize = 64 * 1024;

const OPENSSH_PUBLIC: &str =
    "this is a public key in OpenSSH's format; convert it with `ssh-keygen -e -m PKCS8 -f FILE`";
const SSH2_PUBLIC: &str = "this is an SSH2 public key; convert it with `ssh-keygen -i -f FILE > NEW`, then `ssh-keygen -e -m PKCS8 -f NEW`";
const OPENSSH_PRIVATE: &str = "this is a private key in OpenSSH's format; it does not belong on a sealing device: extract the public key with `ssh-keygen -e -m PKCS8 -f FILE`";
const OPENPGP: &str = "this is an OpenPGP key; give an RSA key in DER or PEM";

/// A key that is not in DER.
pub(crate) fn public_key(file: &[u8]) -> Result<PublicKey, Error> {
    let text = key_text(file).map_err(not_a_public_key)?;
    if let Some(block) = Block::find(text, |label| label == b"PUBLIC KEY") {
        return from_pem(&block);
    }
    if text.starts_with(b"{") {
        return kms_answer::public_key(text);
    }
    if let Some(bytes) = pem::decode_base64(without_quotes(text)) {
        if let Some(der) = der::sequence(&bytes) {
            return PublicKey::from_der(der);
        }
        if let Some(error) = mistaken_base64(&bytes) {
            return Err(error);
        }
    }
    Err(mistaken_text(text))
}

/// The text of a file with a key, without what is around it; or why there can be no key in it.
pub(crate) fn key_text(file: &[u8]) -> Result<&[u8], &'static str> {
    if file.len() > MAX_FILE_LEN {
        return Err("not a key: it is longer than 64 KiB");
    }
    let text = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let len = text.iter().rposition(|byte| !der::is_blank(byte));
    let Some(text) = len.and_then(|last| text.get(..=last)) else {
        return Err("there is no key: what was given is empty");
    };
    match text.trim_ascii_start() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [_, 0, _, 0, ..] | [0, _, 0, _, ..] => {
            Err("this is UTF-16, as Windows PowerShell writes it; save it as UTF-8 or ASCII")
        }
        [der::SEQUENCE, 0x81 | 0x82, ..] => {
            Err("this DER is damaged: it is cut short, or other bytes follow it")
        }
        text => Ok(text),
    }
}

pub(crate) fn looks_like_a_path(text: &[u8]) -> bool {
    let extension = text.rsplit(|byte| *byte == b'.').next();
    let has_extension = extension.is_some_and(|extension| {
        (1..=4).contains(&extension.len())
            && extension.len() < text.len()
            && extension.iter().all(u8::is_ascii_alphanumeric)
    });
    let is_line = text.len() < 256
        && core::str::from_utf8(text).is_ok()
        && !text.iter().any(u8::is_ascii_control);
    is_line && (has_extension || text.iter().any(|byte| matches!(byte, b'/' | b'\\')))
}

/// The DER that a text holds in base64.
pub(crate) fn from_der_in_text(der: &[u8]) -> Result<PublicKey, Error> {
    let der = der::sequence(der);
    PublicKey::from_der(der.ok_or_else(|| not_a_public_key("what this text holds is not a key"))?)
}

fn from_pem(block: &Block<'_>) -> Result<PublicKey, Error> {
    match block.label {
        b"SSH2 PUBLIC KEY" => Err(not_a_public_key(SSH2_PUBLIC)),
        b"PUBLIC KEY" => from_der_in_text(&block.decode().map_err(not_a_public_key)?),
        b"RSA PUBLIC KEY" => Err(ErrorKind::Pkcs1PublicKeyGiven.into()),
        b"OPENSSH PRIVATE KEY" => Err(private_key(OPENSSH_PRIVATE)),
        b"PGP PRIVATE KEY BLOCK" => Err(private_key(OPENPGP)),
        b"PGP PUBLIC KEY BLOCK" => Err(not_a_public_key(OPENPGP)),
        label if label.ends_with(b"PRIVATE KEY") => Err(ErrorKind::PrivateKeyGiven.into()),
        label if label.ends_with(b"CERTIFICATE") => Err(certificate_given()),
        label if label.ends_with(b"CERTIFICATE REQUEST") => Err(not_a_public_key(REQUEST_GIVEN)),
        _ => Err(not_a_public_key(
            "this PEM holds something else; the one of a public key begins with `-----BEGIN PUBLIC KEY-----`",
        )),
    }
}

/// What is in base64 but not in DER.
fn mistaken_base64(bytes: &[u8]) -> Option<Error> {
    if bytes.starts_with(b"-----BEGIN ") {
        let reason = "this is a PEM in base64 once more; decode it first, with `base64 -d`";
        return Some(not_a_public_key(reason));
    }
    let is_openssh = bytes.starts_with(b"\0\0\0\x07ssh-rsa");
    is_openssh.then(|| not_a_public_key(OPENSSH_PUBLIC))
}

fn mistaken_text(text: &[u8]) -> Error {
    let begins = |start: &[u8]| text.starts_with(start);
    if begins(b"ssh-rsa ") {
        return not_a_public_key(OPENSSH_PUBLIC);
    }
    if pem::contains(text, b"BEGIN SSH2 PUBLIC KEY") {
        return not_a_public_key(SSH2_PUBLIC);
    }
    if begins(b"ssh-") || begins(b"ecdsa-") || begins(b"sk-") {
        return ErrorKind::NotRsa.into();
    }
    if begins(b"PuTTY-User-Key-File") {
        return private_key(
            "this is a private key in PuTTY's format; it does not belong on a sealing device: export the public key in PEM",
        );
    }
    not_a_public_key(if pem::contains(text, b"-----END ") {
        "this PEM is damaged: it has no BEGIN line"
    } else if begins(b"arn:") || begins(b"alias/") {
        "this is the name of a KMS key; give what `aws kms get-public-key --output json` prints for it"
    } else if begins(b"30") && text.iter().all(u8::is_ascii_hexdigit) {
        "these are hexadecimal digits; give the bytes that they stand for, or base64"
    } else if looks_like_a_path(text) {
        "this looks like the name of a file; give what is in the file"
    } else {
        "not a public key; give a SubjectPublicKeyInfo in DER or PEM, or what `aws kms get-public-key --output json` prints"
    })
}

/// With `--query PublicKey` the AWS command line prints a string of JSON.
fn without_quotes(text: &[u8]) -> &[u8] {
    let inner = text.strip_prefix(b"\"");
    inner
        .and_then(|text| text.strip_suffix(b"\""))
        .unwrap_or(text)
}

pub(crate) fn not_a_public_key(reason: &'static str) -> Error {
    Error::with_reason(ErrorKind::NotAPublicKey, reason)
}

pub(crate) fn private_key(reason: &'static str) -> Error {
    Error::with_reason(ErrorKind::PrivateKeyGiven, reason)
}
