//! Unseals a message with a private key in a file, or through a command that can reach the KMS.
//!
//! ```sh
//! cargo run --release --example unseal_file --features local-unwrapper -- \
//!     photo.sealed photo.jpg --private-key private.pem
//! ```

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context;
use clap::Parser;
use indicatif::ProgressBar;
use libseal::{BoxError, DataKey, KeyUnwrap, LocalUnwrapper, UnsealReader, WrappedKey};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

/// Unseal the message IN into the file OUT.
#[derive(Parser)]
struct Args {
    /// Sealed message
    #[arg(value_name = "IN")]
    source: PathBuf,

    /// Written only when all of IN has been verified
    #[arg(value_name = "OUT")]
    target: PathBuf,

    #[command(flatten)]
    unwrap: Unwrap,

    /// Pair that the encryption context must hold, may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    context: Vec<(String, String)>,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Unwrap {
    /// RSA private key in PEM, not encrypted
    #[arg(long, value_name = "PEM")]
    private_key: Option<PathBuf>,

    /// Shell command that gets the wrapped key on its standard input and writes the data key, 32
    /// bytes, to its standard output; LIBSEAL_ALGORITHM, LIBSEAL_KEY_ID and LIBSEAL_FINGERPRINT
    /// (hex) say which key it is
    #[arg(long, value_name = "COMMAND")]
    unwrap_command: Option<String>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let unwrapper = args.unwrap.unwrapper()?;
    let context: Vec<_> = args.context.iter().map(borrow_pair).collect();

    let source = File::open(&args.source)
        .with_context(|| format!("cannot read {}", args.source.display()))?;
    let bar = ProgressBar::new(source.metadata()?.len());

    // A temporary file in the same directory deletes itself unless all goes well.
    let directory = args.target.parent().unwrap_or(Path::new(""));
    let mut target = NamedTempFile::new_in(directory)
        .with_context(|| format!("cannot write beside {}", args.target.display()))?;

    let mut reader = UnsealReader::new(bar.wrap_read(source), &*unwrapper, &context)?;
    io::copy(&mut reader, &mut target)?;
    target.persist(&args.target)?;
    Ok(())
}

impl Unwrap {
    fn unwrapper(self) -> anyhow::Result<Box<dyn KeyUnwrap>> {
        if let Some(command) = self.unwrap_command {
            return Ok(Box::new(move |key: &WrappedKey<'_>| ask(&command, key)));
        }
        let path = self.private_key.unwrap_or_default();
        let pem = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Box::new(LocalUnwrapper::new(&Zeroizing::new(pem), None)?))
    }
}

fn ask(command: &str, key: &WrappedKey<'_>) -> Result<Option<DataKey>, BoxError> {
    let Some(algorithm) = key.algorithm() else {
        return Ok(None);
    };
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .env("LIBSEAL_ALGORITHM", algorithm.name())
        .env("LIBSEAL_KEY_ID", key.key_id())
        .env("LIBSEAL_FINGERPRINT", hex::encode(key.fingerprint()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(key.ciphertext())?;
    }
    let answer = child.wait_with_output()?;
    let data_key = Zeroizing::new(answer.stdout);
    if !answer.status.success() {
        return Err(format!("the unwrap command failed: {}", answer.status).into());
    }
    Ok(Some(DataKey::try_from(data_key.as_slice())?))
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("not KEY=VALUE")?;
    Ok((key.into(), value.into()))
}

fn borrow_pair((key, value): &(String, String)) -> (&str, &str) {
    (key, value)
}
