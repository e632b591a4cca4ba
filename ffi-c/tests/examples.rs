//! The example programs (`examples/c`).

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this is a test, helpers included"
)]

mod toolchain;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use toolchain::{LIBRARY, root, scratch, succeed};

/// The folder with the programs.
static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = scratch("examples");
    let assignment = |name, path: &Path| format!("{name}={}", path.display());
    succeed(
        Command::new("make")
            .arg("-C")
            .arg(root().join("examples/c"))
            .arg(assignment("LIBSEAL_DIR", &LIBRARY))
            .arg(assignment("BUILD_DIR", &folder)),
    );
    folder
});

fn key(file: &str) -> String {
    let path = root().join("tests/vectors/keys").join(file);
    path.to_str().unwrap().to_owned()
}

fn run(program: &str, folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAMS.join(program));
    command.args(args).current_dir(folder).output().unwrap()
}

#[track_caller]
fn fails(program: &str, folder: &Path, args: &[&str], why: &str) {
    let output = run(program, folder, args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(why), "{stderr}");
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    for name in names {
        let name = name.to_str().unwrap();
        assert!(!name.starts_with("out"), "{name} is left behind");
    }
}

fn openssl(private_key: &str) -> String {
    format!(
        "openssl pkeyutl -decrypt -inkey '{}' -pkeyopt rsa_padding_mode:oaep \
         -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256",
        key(private_key)
    )
}

#[test]
fn seals_and_unseals() {
    let folder = scratch("round-trip");
    let openssl = openssl("rsa-2048.key.pem");
    for len in [0, 1, 65535, 65536, 65537, 1_000_000] {
        let plaintext: Vec<u8> = (0..len).map(|i: usize| i.to_le_bytes()[0]).collect();
        fs::write(folder.join("in"), &plaintext).unwrap();
        let sealed = run(
            "seal_file",
            &folder,
            &[&key("rsa-2048.pub.pem"), "in", "out", "alias/x"],
        );
        assert!(sealed.status.success());
        let unsealed = run("unseal_file", &folder, &["out", "out.back", &openssl]);
        assert!(unsealed.status.success());
        assert_eq!(fs::read(folder.join("out.back")).unwrap(), plaintext);
    }
    let names = fs::read_dir(&folder).unwrap().count();
    assert_eq!(names, 3, "in, out, out.back");

    let environment = "test \"$LIBSEAL_ALGORITHM $LIBSEAL_KEY_ID\" = 'RSAES_OAEP_SHA_256 alias/x' \
                       && test ${#LIBSEAL_FINGERPRINT} = 64 && ";
    let command = format!("{environment}{openssl}");
    assert!(
        run("unseal_file", &folder, &["out", "out.back", &command])
            .status
            .success()
    );
}

#[test]
fn leaves_nothing_behind() {
    let folder = scratch("failures");
    let (public, openssl) = (key("rsa-2048.pub.der"), openssl("rsa-2048.key.pem"));
    fs::write(folder.join("in"), vec![7; 100_000]).unwrap();
    assert!(
        run("seal_file", &folder, &[&public, "in", "message"])
            .status
            .success()
    );
    let message = fs::read(folder.join("message")).unwrap();
    fs::write(folder.join("cut"), &message[..message.len() - 1]).unwrap();
    fs::write(folder.join("empty"), b"").unwrap();
    fs::write(folder.join("header"), &message[..370]).unwrap();

    let seal = |args: &[&str], why| fails("seal_file", &folder, args, why);
    seal(&["missing", "in", "out"], "missing: No such file");
    seal(&[&public, "missing", "out"], "missing: No such file");
    seal(&[&public, "in", "missing/out"], "No such file");
    seal(&[&public, ".", "out"], "directory");
    seal(&[&key("rsa-2048.key.pem"), "in", "out"], "private key");
    seal(
        &[&public, "in", "out", "\u{fffd}".repeat(700).as_str()],
        "key id is longer",
    );

    let unseal = |args: &[&str], why| fails("unseal_file", &folder, args, why);
    unseal(&["in", "out", &openssl], "not a sealed message");
    unseal(&["empty", "out", &openssl], "the message is empty");
    unseal(&["cut", "out", &openssl], "it was cut short");
    unseal(&["message", "out", "exit 3"], "the callback returned 3");
    unseal(&["message", "out", "exec cat"], "did not write 32 bytes");
    unseal(
        &["message", "out", "head -c 31 /dev/zero"],
        "did not write 32 bytes",
    );
    unseal(&["message", "out", "head -c 32 /dev/zero"], "not authentic");
    unseal(&["message", "missing/out", &openssl], "No such file");

    let range = |args: &[&str], why| fails("unseal_range", &folder, args, why);
    range(
        &["missing", "out", "0", "1", &openssl],
        "missing: No such file",
    );
    range(
        &["message", "missing/out", "0", "1", &openssl],
        "No such file",
    );
    range(&[".", "out", "0", "1", &openssl], "directory");
    range(&["in", "out", "0", "1", &openssl], "not a sealed message");
    range(
        &["empty", "out", "0", "1", &openssl],
        "the message is empty",
    );
    range(&["header", "out", "0", "1", &openssl], "its end is missing");
    range(
        &["message", "out", "0", "1", "exit 3"],
        "the callback returned 3",
    );
    range(&["cut", "out", "99999", "1", &openssl], "it was cut short");
    range(
        &["message", "out", "200000", "1", &openssl],
        "its end is missing",
    );
    range(
        &["message", "out", "5000000000000000", "1", &openssl],
        "4 PiB",
    );
}

#[test]
fn unseals_a_range() {
    let folder = scratch("range");
    let (public, openssl) = (key("rsa-2048.pub.der"), openssl("rsa-2048.key.pem"));
    let plaintext: Vec<u8> = (0..300_000).map(|i: usize| i.to_le_bytes()[0]).collect();
    fs::write(folder.join("in"), &plaintext).unwrap();
    let sealed = run("seal_file", &folder, &[&public, "in", "message"]);
    assert!(sealed.status.success());
    // What is not wanted need not be whole.
    let message = fs::read(folder.join("message")).unwrap();
    fs::write(folder.join("beginning"), &message[..150_000]).unwrap();

    for (file, start, len) in [
        ("message", 0, 0),
        ("message", 0, 300_000),
        ("message", 299_999, 1),
        ("message", 300_000, 1),
        ("message", 200_000, u64::MAX),
        ("message", 16_383, 16_386),
        ("beginning", 5, 1),
        ("beginning", 16_384, 114_688),
    ] {
        let (start_arg, len_arg) = (start.to_string(), len.to_string());
        let args = [file, "out", &start_arg, &len_arg, &openssl];
        let output = run("unseal_range", &folder, &args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{start} {len}: {stderr}");
        let found = fs::read(folder.join("out")).unwrap();
        let expected = plaintext[start..]
            .iter()
            .take(usize::try_from(len).unwrap());
        assert!(found.iter().eq(expected), "{start} {len}");
    }
    for wrong in ["-1", "x", "", "1x", "99999999999999999999"] {
        let args = ["message", "out", wrong, "1", &openssl];
        assert_eq!(run("unseal_range", &folder, &args).status.code(), Some(2));
    }
}

/// A limit on the size of files stands for a full disk: writes fail all the same.
#[test]
fn survive_a_full_disk() {
    let folder = scratch("full-disk");
    let (public, openssl) = (key("rsa-2048.pub.der"), openssl("rsa-2048.key.pem"));
    fs::write(folder.join("in"), vec![7; 100_000]).unwrap();
    let sealed = run("seal_file", &folder, &[&public, "in", "message"]);
    assert!(sealed.status.success());

    for (program, args) in [
        ("seal_file", [public.as_str(), "in", "out"]),
        ("unseal_file", ["message", "out", openssl.as_str()]),
    ] {
        fs::write(folder.join("out"), b"from before").unwrap();
        let output = Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""])
            .arg(PROGRAMS.join(program))
            .args(args)
            .current_dir(&folder)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("File too large"), "{stderr}");
        assert_eq!(fs::read(folder.join("out")).unwrap(), b"from before");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3, "{program}");
    }
}

#[test]
fn explain_themselves() {
    let folder = scratch("help");
    for program in ["seal_file", "unseal_file", "unseal_range"] {
        let help = run(program, &folder, &["--help"]);
        assert!(help.status.success());
        assert!(String::from_utf8_lossy(&help.stdout).starts_with("usage: "));
        assert_eq!(run(program, &folder, &[]).status.code(), Some(2));
    }
}
