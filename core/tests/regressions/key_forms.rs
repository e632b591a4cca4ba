//! Public keys in forms that OpenSSL reads, or the AWS command line prints, were "not a public key";
//! so was much that has a name.

use libseal::{ErrorKind, PublicKey};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::common::{key_file, key_folder, public_key};

#[test]
fn every_form_gives_the_same_key() {
    for (name, file) in key_folder("public-accepted") {
        let (key, _) = name.split_once('.').unwrap();
        let found = PublicKey::new(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found, public_key(key), "{name}");
        let der = key_file(&format!("{key}.pub.der"));
        assert_eq!(found.to_der(), der, "{name}");
        assert_eq!(found.fingerprint()[..], Sha256::digest(&der)[..], "{name}");
    }
}

#[test]
fn everything_else_has_its_status() {
    for (name, file) in key_folder("public-rejected") {
        let (status, _) = name.split_once('.').unwrap();
        let error = PublicKey::new(&file).expect_err(&name);
        assert_eq!(error.kind().name(), status, "{name}: {error}");
    }
}

#[test]
fn everything_else_is_named() {
    for (name, words) in [
        ("NOT_A_PUBLIC_KEY.empty", "empty"),
        ("NOT_A_PUBLIC_KEY.blanks", "empty"),
        ("NOT_A_PUBLIC_KEY.nul", "empty"),
        ("NOT_A_PUBLIC_KEY.utf-16.pem", "UTF-16"),
        ("NOT_A_PUBLIC_KEY.utf-16-be.pem", "UTF-16"),
        ("NOT_A_PUBLIC_KEY.utf-16-without-bom.pem", "UTF-16"),
        (
            "NOT_A_PUBLIC_KEY.literal-newlines.pem",
            "two characters `\\n`",
        ),
        ("NOT_A_PUBLIC_KEY.in-json.pem", "two characters `\\n`"),
        ("NOT_A_PUBLIC_KEY.no-end.pem", "no END line"),
        ("NOT_A_PUBLIC_KEY.cut-begin.pem", "no BEGIN line"),
        ("NOT_A_PUBLIC_KEY.wrong-end.pem", "do not match"),
        ("NOT_A_PUBLIC_KEY.damaged.pem", "not base64"),
        ("NOT_A_PUBLIC_KEY.nothing-inside.pem", "holds is not a key"),
        ("NOT_A_PUBLIC_KEY.parameters.pem", "something else"),
        ("NOT_A_PUBLIC_KEY.cut.der", "cut short"),
        ("NOT_A_PUBLIC_KEY.two.der", "other bytes follow"),
        ("NOT_A_PUBLIC_KEY.ssh-rsa", "ssh-keygen -e"),
        ("NOT_A_PUBLIC_KEY.ssh-rsa.base64", "ssh-keygen -e"),
        ("NOT_A_PUBLIC_KEY.ssh2", "ssh-keygen -i"),
        ("NOT_A_PUBLIC_KEY.jwk.json", "JSON Web Key"),
        ("NOT_A_PUBLIC_KEY.jwks.json", "JSON Web Key"),
        ("NOT_A_PUBLIC_KEY.other.json", "no `PublicKey`"),
        ("NOT_A_PUBLIC_KEY.cut.json", "JSON is damaged"),
        ("NOT_A_PUBLIC_KEY.two-public-keys.json", "JSON is damaged"),
        ("NOT_A_PUBLIC_KEY.damaged.json", "not base64"),
        ("NOT_A_PUBLIC_KEY.request.pem", "openssl req"),
        ("NOT_A_PUBLIC_KEY.request.der", "openssl req"),
        ("NOT_A_PUBLIC_KEY.pgp", "OpenPGP"),
        ("NOT_A_PUBLIC_KEY.path", "name of a file"),
        ("NOT_A_PUBLIC_KEY.path-in-windows", "name of a file"),
        ("NOT_A_PUBLIC_KEY.file-name", "name of a file"),
        ("NOT_A_PUBLIC_KEY.arn", "get-public-key"),
        ("NOT_A_PUBLIC_KEY.alias", "get-public-key"),
        ("NOT_A_PUBLIC_KEY.pem.base64", "base64 -d"),
        ("NOT_A_PUBLIC_KEY.hexadecimal", "hexadecimal"),
        ("NOT_A_PUBLIC_KEY.words", "SubjectPublicKeyInfo"),
        ("PRIVATE_KEY_GIVEN.openssh", "ssh-keygen -e"),
        ("PRIVATE_KEY_GIVEN.pkcs12.der", "openssl pkcs12"),
        ("PRIVATE_KEY_GIVEN.jwk.json", "JSON Web Key"),
        ("PRIVATE_KEY_GIVEN.putty", "PuTTY"),
        ("PRIVATE_KEY_GIVEN.pgp", "OpenPGP"),
        ("WRONG_KEY_USAGE.kms.json", "ENCRYPT_DECRYPT"),
        ("WRONG_KEY_USAGE.rsassa-pss.pem", "for signatures"),
    ] {
        let file = key_file(&format!("public-rejected/{name}"));
        let said = PublicKey::new(&file).unwrap_err().to_string();
        assert!(said.contains(words), "{name}: {said}");
    }
}

#[test]
fn a_large_file_is_not_searched() {
    let mut file = key_file("rsa-2048.pub.pem");
    file.resize(64 * 1024, b' ');
    assert_eq!(PublicKey::new(&file).unwrap(), public_key("rsa-2048"));
    file.push(b' ');
    let error = PublicKey::new(&file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAPublicKey);
    assert!(error.to_string().contains("64 KiB"));
}

/// The last byte of a key may be a blank to an editor.
#[test]
fn blanks_at_the_end_of_a_key_are_part_of_it() {
    let mut der = key_file("rsa-2048-e3.pub.der");
    *der.last_mut().unwrap() = b'\r';
    let key = PublicKey::new(&der).unwrap();
    assert_eq!(key.to_der(), der);
    der.extend(b"\r\n\0");
    assert_eq!(PublicKey::new(&der).unwrap(), key);
}

fn any_form() -> impl Strategy<Value = Vec<u8>> {
    let files: Vec<_> = ["public-accepted", "public-rejected", "private-accepted"]
        .into_iter()
        .flat_map(key_folder)
        .map(|(_, file)| file)
        .collect();
    prop::sample::select(files)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    /// Whatever is done to a file, there is an answer, and a key that is read has one fingerprint.
    #[test]
    fn damage_to_any_form_does_no_harm(
        mut file in any_form(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        inserted in prop::collection::vec(
            (any::<prop::sample::Index>(), "-----|BEGIN |\\\\|\"|\\{|\\}|\\[|\n|\0|=|,"),
            0..6,
        ),
        end in any::<prop::sample::Index>(),
        is_cut: bool,
    ) {
        for (at, byte) in changes {
            if !file.is_empty() {
                let at = at.index(file.len());
                file[at] = byte;
            }
        }
        for (at, text) in inserted {
            let at = at.index(file.len() + 1);
            file.splice(at..at, text.bytes());
        }
        if is_cut {
            file.truncate(end.index(file.len() + 1));
        }
        match PublicKey::new(&file) {
            Ok(key) => {
                let der = key.to_der();
                prop_assert_eq!(&key.fingerprint()[..], &Sha256::digest(&der)[..]);
                prop_assert_eq!(PublicKey::new(&der).unwrap(), key);
            }
            Err(error) => prop_assert!((110..=122).contains(&error.kind().code()), "{}", error),
        }
        #[cfg(feature = "local-unwrapper")]
        if let Err(error) = libseal::LocalUnwrapper::new(&file, None) {
            prop_assert!((110..=121).contains(&error.kind().code()), "{}", error);
        }
    }

    #[test]
    fn anything_at_all_has_an_answer(file: Vec<u8>, text: String, json in "[{}\\[\\]\":,\\\\a ]{0,40}") {
        for file in [&file[..], text.as_bytes(), json.as_bytes(), format!("{{{json}").as_bytes()] {
            prop_assert!(PublicKey::new(file).is_err());
        }
    }

    /// However base64 is broken into lines and indented.
    #[test]
    fn blanks_in_base64_do_not_count(
        blanks in prop::collection::vec((any::<prop::sample::Index>(), "[ \t\r\n]{1,3}"), 0..30),
    ) {
        for name in ["base64", "one-line.pem"] {
            let mut text = key_file(&format!("public-accepted/rsa-2048.{name}"));
            let (start, end) = if name == "base64" { (0, 392) } else { (26, 420) };
            for (at, blank) in &blanks {
                let at = start + at.index(end - start + 1);
                text.splice(at..at, blank.bytes());
            }
            prop_assert_eq!(PublicKey::new(&text).unwrap(), public_key("rsa-2048"));
        }
    }
}
