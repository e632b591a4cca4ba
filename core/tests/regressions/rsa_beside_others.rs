//! libseal stands beside other users of the `rsa` crate, and needs it for `local-unwrapper` alone.

use std::{fs, path::Path, process::Command};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What a package is compiled from, as `cargo tree` lists it.
fn tree(folder: &Path, arguments: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges=normal", "--prefix=none"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let packages = String::from_utf8(output.stdout).unwrap();
    packages.lines().map(str::to_owned).collect()
}

fn has_rsa(packages: &[String]) -> bool {
    packages.iter().any(|package| package.starts_with("rsa v"))
}

#[test]
fn a_crate_may_depend_on_both() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rsa-beside-others");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/lib.rs"), "").unwrap();
    let manifest = format!(
        "[package]\nname = 'both'\nedition = '2024'\n[workspace]\n[dependencies]\nrsa = '0.10'\n\
         libseal = {{ path = '{}', features = ['local-unwrapper'] }}\n",
        env!("CARGO_MANIFEST_DIR")
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // The same versions, which have been downloaded.
    fs::copy(
        Path::new(ROOT).join("Cargo.lock"),
        folder.join("Cargo.lock"),
    )
    .unwrap();
    let packages = tree(&folder, &[]);
    let mut versions: Vec<_> = packages
        .iter()
        .filter(|name| name.starts_with("rsa v"))
        .collect();
    versions.dedup_by_key(|name| name.trim_end_matches(" (*)"));
    assert_eq!(versions.len(), 1, "{packages:?}");
}

#[test]
fn no_provider_needs_it() {
    for provider in ["aws-lc-rs", "rustcrypto", "compact"] {
        let features = format!("--features={provider}");
        let arguments = ["--package=libseal", "--no-default-features", &features];
        assert!(!has_rsa(&tree(Path::new(ROOT), &arguments)), "{provider}");
    }
    let arguments = ["--package=libseal", "--features=local-unwrapper"];
    assert!(has_rsa(&tree(Path::new(ROOT), &arguments)));
}
