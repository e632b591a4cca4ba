//! Private keys in forms that OpenSSL reads were "not a private key", and a password was wrong where
//! the encryption was not known.
#![cfg(feature = "local-unwrapper")]

use base64ct::{Base64, Encoding as _};
use libseal::{ErrorKind, LocalUnwrapper};

use crate::common::{key_file, key_folder, public_key};

const PASSWORD: &[u8] = b"correct horse";

fn password_of(name: &str) -> Option<&'static [u8]> {
    name.contains(".encrypted.").then_some(PASSWORD)
}

#[test]
fn every_form_gives_the_same_key() {
    for (name, file) in key_folder("private-accepted") {
        let (key, _) = name.split_once('.').unwrap();
        let unwrapper = LocalUnwrapper::new(&file, password_of(&name));
        let unwrapper = unwrapper.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(*unwrapper.public_key(), public_key(key), "{name}");
    }
}

#[test]
fn everything_else_has_its_status_with_any_password() {
    for (name, file) in key_folder("private-rejected") {
        let (status, _) = name.split_once('.').unwrap();
        for password in [None, Some(PASSWORD), Some(&b"battery staple"[..])] {
            let error = LocalUnwrapper::new(&file, password).expect_err(&name);
            assert_eq!(error.kind().name(), status, "{name}: {error}");
        }
    }
}

#[test]
fn everything_else_is_named() {
    for (name, words) in [
        ("NOT_A_PRIVATE_KEY.empty", "empty"),
        ("NOT_A_PRIVATE_KEY.public.pem", "public key"),
        ("NOT_A_PRIVATE_KEY.public.der", "public key"),
        ("NOT_A_PRIVATE_KEY.pkcs1-public.pem", "public key"),
        ("NOT_A_PRIVATE_KEY.certificate.pem", "certificate"),
        ("NOT_A_PRIVATE_KEY.openssh", "ssh-keygen -p -m PKCS8"),
        ("NOT_A_PRIVATE_KEY.pkcs12.der", "openssl pkcs12 -nocerts"),
        (
            "NOT_A_PRIVATE_KEY.old-encryption.pem",
            "openssl pkcs8 -topk8",
        ),
        ("NOT_A_PRIVATE_KEY.pbes1.pem", "openssl pkcs8 -topk8"),
        ("NOT_A_PRIVATE_KEY.des3.pem", "openssl pkcs8 -topk8"),
        ("NOT_A_PRIVATE_KEY.utf-16.pem", "UTF-16"),
        (
            "NOT_A_PRIVATE_KEY.literal-newlines.pem",
            "two characters `\\n`",
        ),
        ("NOT_A_PRIVATE_KEY.no-end.pem", "no END line"),
        ("NOT_A_PRIVATE_KEY.damaged.pem", "not base64"),
        ("NOT_A_PRIVATE_KEY.cut.der", "cut short"),
        ("NOT_A_PRIVATE_KEY.path", "name of a file"),
        ("NOT_A_PRIVATE_KEY.words", "PKCS#8"),
    ] {
        let file = key_file(&format!("private-rejected/{name}"));
        let said = LocalUnwrapper::new(&file, None).unwrap_err().to_string();
        assert!(said.contains(words), "{name}: {said}");
    }
}

#[test]
fn what_is_wrong_with_a_password_is_said() {
    let (plain, encrypted) = (
        key_file("rsa-2048.key.pem"),
        key_file("rsa-2048.encrypted.pem"),
    );
    for (file, password, words) in [
        (&encrypted, None, "missing"),
        (
            &encrypted,
            Some("battery staple"),
            "password of the private key is wrong",
        ),
        (&encrypted, Some(""), "password of the private key is wrong"),
        (&plain, Some("correct horse"), "not encrypted"),
    ] {
        let error = LocalUnwrapper::new(file, password.map(str::as_bytes)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PrivateKeyPassword, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    LocalUnwrapper::new(&plain, Some(b"")).unwrap();
}

#[test]
fn no_damage_to_a_private_key_panics() {
    let der = key_file("private-accepted/rsa-2048.pkcs1.der");
    for at in 0..der.len() {
        for mask in [0xff, 0x01] {
            let mut der = der.clone();
            der[at] ^= mask;
            if let Err(error) = LocalUnwrapper::new(&der, None) {
                assert!((110..=121).contains(&error.kind().code()), "{at}: {error}");
            }
        }
    }
}

/// One in some hundred leaves something that looks like padding.
#[test]
fn no_wrong_password_is_taken_for_another_fault() {
    let encrypted = key_file("private-accepted/rsa-2048.encrypted.aes128.pem");
    for password in 0..600 {
        let error = LocalUnwrapper::new(&encrypted, Some(password.to_string().as_bytes()));
        let error = error.unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::PrivateKeyPassword,
            "{password}: {error}"
        );
    }
}

/// A damaged file could ask for more memory than there is, which ends the process.
#[test]
fn a_password_that_takes_hours_to_try_is_not_tried() {
    let files = key_folder("private-accepted");
    let mut files = files.into_iter();
    let (_, pem) = files.find(|(name, _)| name.contains("scrypt")).unwrap();
    let pem = String::from_utf8(pem).unwrap();
    let base64 = pem
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect::<String>();
    let mut der = vec![0; base64.len()];
    let len = Base64::decode(&base64, &mut der).unwrap().len();
    der.truncate(len);
    // N = 16384, r = 8, p = 1.
    let costs = [2, 2, 0x40, 0, 2, 1, 8, 2, 1, 1];
    let start = der
        .windows(costs.len())
        .position(|part| part == costs)
        .unwrap();
    LocalUnwrapper::new(&der, Some(PASSWORD)).unwrap();
    der[start + costs.len() - 1] = 127;
    let error = LocalUnwrapper::new(&der, Some(PASSWORD)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAPrivateKey);
    assert!(error.to_string().contains("too much time"), "{error}");
}
