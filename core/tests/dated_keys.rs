//! Keys that are valid for a time: bundles and certificates.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::collections::BTreeMap;

use common::{key_file, key_folder, public_key};
use libseal::{Error, ErrorKind, PublicKey};
use proptest::prelude::*;

/// A file in `keys/dated`: see tests/vectors/README.md.
struct DatedKey {
    name: String,
    lines: BTreeMap<String, String>,
    content: Vec<u8>,
}

impl DatedKey {
    /// Those of this form: `bundle` or `certificate`.
    fn all(form: &str) -> Vec<Self> {
        let files = key_folder("dated").into_iter();
        files
            .filter(|(name, _)| name.ends_with(&format!(".{form}")))
            .map(|(name, file)| Self::parse(name, &file))
            .collect()
    }

    fn parse(name: String, file: &[u8]) -> Self {
        let end = file.windows(2).position(|two| two == b"\n\n").unwrap();
        let (head, content) = file.split_at(end);
        let head = str::from_utf8(head).unwrap();
        let line = |line: &str| {
            let (name, value) = line.split_once(": ").expect("a name and a value");
            (name.to_owned(), value.to_owned())
        };
        Self {
            name,
            lines: head.lines().map(line).collect(),
            content: content.strip_prefix(b"\n\n").unwrap().to_vec(),
        }
    }

    fn at(&self) -> u64 {
        self.lines["at"].parse().unwrap()
    }

    fn check(&self, read: Result<PublicKey, Error>) {
        let (name, expect) = (&self.name, &self.lines["expect"]);
        match read {
            Ok(key) => {
                assert_eq!(expect, "OK", "{name}: accepted");
                assert_eq!(key, public_key(&self.lines["key"]), "{name}");
            }
            Err(error) => assert_eq!(expect, error.kind().name(), "{name}: {error}"),
        }
    }
}

#[test]
fn every_bundle() {
    for bundle in DatedKey::all("bundle") {
        bundle.check(PublicKey::from_bundle(&bundle.content, bundle.at()));
    }
}

/// Where no time is known, a bundle that expires is no key.
#[test]
fn a_bundle_without_an_end_is_a_key_at_any_time() {
    let mut expiring = 0;
    for bundle in DatedKey::all("bundle") {
        let text = String::from_utf8_lossy(&bundle.content);
        if !text.starts_with('{') || bundle.lines["expect"] != "OK" {
            continue;
        }
        let read = PublicKey::new(&bundle.content);
        if text.contains("NotAfter") {
            expiring += 1;
            let error = read.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotAPublicKey);
            assert!(error.to_string().contains("`from_bundle`"), "{error}");
        } else {
            assert_eq!(read.unwrap(), public_key("rsa-2048"), "{}", bundle.name);
        }
    }
    assert!(expiring > 0);
}

#[test]
fn what_is_wrong_with_a_bundle_is_said() {
    for (name, words) in [
        ("expired", "expired on 2027-01-01T00:00:00Z"),
        ("created_later", "created on 2026-01-01T00:00:00Z"),
        (
            "not_after_null",
            "the `NotAfter` of this key bundle is not a time",
        ),
        ("created_yesterday", "the `Created` of"),
        ("other_fingerprint", "not the expected"),
        ("fingerprint_short", "64 hexadecimal digits"),
        ("other_key_spec", "RSA_2048"),
        ("pem", "not a key bundle"),
    ] {
        let file = key_file(&format!("dated/{name}.bundle"));
        let bundle = DatedKey::parse(name.to_owned(), &file);
        let error = PublicKey::from_bundle(&bundle.content, bundle.at()).unwrap_err();
        assert!(error.to_string().contains(words), "{name}: {error}");
    }
}

proptest! {
    /// Whatever is done to a bundle, there is an answer, and no other key.
    #[test]
    fn damage_to_a_bundle_does_no_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        at: u64,
    ) {
        let file = key_file("dated/usual.bundle");
        let mut text = DatedKey::parse(String::new(), &file).content;
        for (index, byte) in changes {
            let index = index.index(text.len());
            text[index] = byte;
        }
        if let Ok(key) = PublicKey::from_bundle(&text, at) {
            prop_assert_eq!(PublicKey::new(&key.to_der()).unwrap(), key);
        }
    }
}

#[cfg(feature = "x509")]
mod certificates {
    use super::*;

    fn read(certificate: &DatedKey) -> Result<PublicKey, Error> {
        let roots = certificate.lines.get("roots").map(|name| key_file(name));
        PublicKey::from_certificate(&certificate.content, roots.as_deref(), certificate.at())
    }

    #[test]
    fn every_certificate() {
        for certificate in DatedKey::all("certificate") {
            certificate.check(read(&certificate));
        }
    }

    /// With roots, less is accepted and never more.
    #[test]
    fn roots_make_no_certificate_valid() {
        for mut certificate in DatedKey::all("certificate") {
            if certificate.lines["expect"] == "OK" {
                certificate.lines.remove("roots");
                certificate.check(read(&certificate));
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said() {
        for (name, words) in [
            ("past_not_after", "expired on 2027-01-01T00:00:00Z"),
            ("not_yet_valid", "not valid before 2026-01-01T00:00:00Z"),
            ("usage_digital_signature", "keyEncipherment"),
            (
                "expired_intermediate",
                "an intermediate certificate has expired",
            ),
            ("no_intermediate", "put the intermediate certificates after"),
            ("other_root", "does not lead to any of the given roots"),
            ("root_of_same_name", "the right name and another key"),
            ("altered_signature", "it was altered"),
            ("ca_as_leaf", "that of a certificate authority"),
            ("issuer_is_no_ca", "no certificate authority"),
            ("unknown_critical", "have another one issued"),
            ("roots_are_a_key", "the roots hold no certificate"),
            ("roots_are_empty", "the roots hold no certificate"),
            ("roots_are_damaged", "one of the roots is damaged"),
            ("no_bytes", "not a certificate"),
            ("garbage", "not a certificate"),
            ("cut_pem", "no END line"),
            ("public_key_pem", "public key without a certificate"),
            ("path", "the name of a file"),
        ] {
            let file = key_file(&format!("dated/{name}.certificate"));
            let certificate = DatedKey::parse(name.to_owned(), &file);
            let error = read(&certificate).unwrap_err();
            assert!(error.to_string().contains(words), "{name}: {error}");
        }
    }

    #[test]
    fn a_certificate_given_as_a_key_names_the_way_to_read_it() {
        for name in ["certificate.pem", "certificate.der"] {
            let error = PublicKey::new(&key_file(name)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::CertificateGiven);
            assert!(error.to_string().contains("`from_certificate`"), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// No bit of a certificate that leads to a root can be another one.
        #[test]
        fn damage_to_a_certificate_is_noticed(at: prop::sample::Index, bit in 0..8_u32) {
            let (leaf, root) = (key_file("dated/of_the_root.certificate"), key_file("root.pem"));
            let leaf = DatedKey::parse(String::new(), &leaf);
            let mut der = der_of(&leaf.content);
            let at = at.index(der.len());
            prop_assert!(PublicKey::from_certificate(&der, Some(&root), leaf.at()).is_ok());
            der[at] ^= 1 << bit;
            prop_assert!(PublicKey::from_certificate(&der, Some(&root), leaf.at()).is_err());
            // Without roots it may be another certificate; there is an answer.
            let _ = PublicKey::from_certificate(&der, None, leaf.at());
        }
    }

    fn der_of(pem: &[u8]) -> Vec<u8> {
        use base64ct::{Base64, Encoding};
        let text = str::from_utf8(pem).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("-----"));
        Base64::decode_vec(&lines.collect::<String>()).unwrap()
    }
}
