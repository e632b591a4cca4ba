//! Unseals a message with a private key in a file, or through a command that can reach the KMS.
//!
//! ```sh
//! cargo run --release --example unseal_file --features local-unwrapper -- \
//!     photo.sealed photo.jpg --private-key private.pem
//! ```

mod output;

use std::{
    convert::Infallible,
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::Context;
use clap::Parser;
use indicatif::ProgressBar;
use libseal::{BoxError, DataKey, LocalUnwrapper, UnsealReader, Unwrap, WrappedKey, unwrap_fn};
use zeroize::Zeroizing;

/// Unseal the message IN into the file OUT.
#[derive(Parser)]
struct Args {
    /// Sealed message
    #[arg(value_name = "IN")]
    source: PathBuf,

    /// Replaced only when all of IN has been verified; a regular file or none; readable by its owner
    #[arg(value_name = "OUT")]
    target: PathBuf,

    #[command(flatten)]
    key: Key,

    /// Pair that the encryption context must hold, or a key with any value; may be repeated
    #[arg(long, value_name = "KEY[=VALUE]", value_parser = parse_required)]
    context: Vec<(String, Option<String>)>,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Key {
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
    let unwrapper = args.key.unwrapper()?;
    let required: Vec<_> = args.context.iter().map(borrow_required).collect();

    let source = File::open(&args.source)
        .with_context(|| format!("cannot read {}", args.source.display()))?;
    let bar = ProgressBar::new(source.metadata()?.len());

    let mut target = output::create(&args.target)?;
    let mut reader = UnsealReader::new(bar.wrap_read(source), unwrapper, &required)?;
    io::copy(&mut reader, &mut target).with_context(|| {
        let (source, target) = (args.source.display(), args.target.display());
        format!("cannot unseal {source} to {target}")
    })?;
    output::commit(target, &args.target)
}

impl Key {
    fn unwrapper(self) -> anyhow::Result<Box<dyn Unwrap>> {
        if let Some(command) = self.unwrap_command {
            return Ok(Box::new(unwrap_fn(move |key| ask(&command, key))));
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
    if let Some(mut stdin) = child.stdin.take()
        && let Err(error) = stdin.write_all(key.ciphertext())
        // The command may know the data key without it, or have failed already.
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err(error.into());
    }
    let answer = child.wait_with_output()?;
    let unwrapped = Zeroizing::new(answer.stdout);
    if !answer.status.success() {
        return Err(format!("the unwrap command failed: {}", answer.status).into());
    }
    Ok(Some(key.data_key(&unwrapped)?))
}

fn parse_required(text: &str) -> Result<(String, Option<String>), Infallible> {
    Ok(match text.split_once('=') {
        Some((key, value)) => (key.into(), Some(value.into())),
        None => (text.into(), None),
    })
}

fn borrow_required((key, value): &(String, Option<String>)) -> (&str, Option<&str>) {
    (key, value.as_deref())
}
