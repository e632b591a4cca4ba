//! Seals a file with a public key. Needs no network and no secret.
//!
//! ```sh
//! cargo run --release --example seal_file -- device.pub.der photo.jpg photo.sealed
//! ```

mod output;

use std::{
    fs::{self, File},
    io::{self, BufReader},
    path::PathBuf,
};

use anyhow::Context;
use clap::Parser;
use indicatif::ProgressBar;
use libseal::{Envelope, PublicKey, Recipient, SealWriter, WrapAlgorithm};

/// Seal the file IN into the message OUT. Only the private key opens it.
#[derive(Parser)]
struct Args {
    /// RSA public key in DER, as KMS GetPublicKey returns it, or in PEM
    public_key: PathBuf,

    /// File of any size
    #[arg(value_name = "IN")]
    source: PathBuf,

    /// Replaced only when all of IN has been sealed; a regular file or none; readable by its owner
    #[arg(value_name = "OUT")]
    target: PathBuf,

    /// Alias or ARN of the key, a hint for unsealing; anyone can read it
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    key_id: String,

    /// Pair of the encryption context, may be repeated; anyone can read it
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    context: Vec<(String, String)>,

    /// RSAES_OAEP_SHA_256, or RSAES_OAEP_SHA_1 for an HSM that can do no other
    #[arg(long, value_name = "NAME", default_value = "RSAES_OAEP_SHA_256", value_parser = parse_algorithm)]
    algorithm: WrapAlgorithm,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();

    let public_key = fs::read(&args.public_key)
        .with_context(|| format!("cannot read {}", args.public_key.display()))?;
    let public_key = PublicKey::new(&public_key)?;
    let recipients = [Recipient::new(&public_key)
        .with_key_id(&args.key_id)
        .with_algorithm(args.algorithm)];
    let context: Vec<_> = args.context.iter().map(borrow_pair).collect();
    let envelope = Envelope::new(&recipients).with_context(&context);

    let source = File::open(&args.source)
        .with_context(|| format!("cannot read {}", args.source.display()))?;
    let bar = ProgressBar::new(source.metadata()?.len());
    // Otherwise `copy` takes pieces of 8 KiB.
    let mut source = BufReader::with_capacity(64 * 1024, bar.wrap_read(source));

    let mut writer = SealWriter::new(output::create(&args.target)?, &envelope)?;
    let context = || {
        let (source, target) = (args.source.display(), args.target.display());
        format!("cannot seal {source} to {target}")
    };
    io::copy(&mut source, &mut writer).with_context(context)?;
    let target = writer.finish().with_context(context)?;
    output::commit(target, &args.target)
}

fn parse_algorithm(name: &str) -> Result<WrapAlgorithm, String> {
    WrapAlgorithm::from_name(name).ok_or_else(|| "no such algorithm".into())
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("not KEY=VALUE")?;
    Ok((key.into(), value.into()))
}

fn borrow_pair((key, value): &(String, String)) -> (&str, &str) {
    (key, value)
}
