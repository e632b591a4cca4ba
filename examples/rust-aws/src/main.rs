//! Seals files with a public key, and unseals them with AWS KMS.
//!
//! ```sh
//! aws kms get-public-key --key-id alias/fleet > fleet.json
//! cargo run -- seal fleet.json photo.jpg
//! cargo run -- unseal --key alias/fleet photo.jpg.sealed
//! ```
//!
//! Region, credentials and endpoint are those of any AWS SDK.

mod kms;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, ensure};
use aws_config::BehaviorVersion;
use aws_sdk_kms::Client;
use clap::Parser;
use libseal::{
    AsyncSealWriter, AsyncUnsealReader, CacheLimits, CachingUnwrapper, Envelope, Error, PublicKey,
    Recipient,
};
use tempfile::NamedTempFile;
use tokio::{
    fs::{self, File},
    io::{self, AsyncWriteExt, BufReader},
    task::JoinSet,
};

use crate::kms::KmsUnwrapper;

/// How many messages are unsealed at the same time, and how much of each is read at once.
const AT_ONCE: usize = 32;
const PIECE_LEN: usize = 256 * 1024;

/// Seal files with a public key, and unseal them with AWS KMS
#[derive(Parser)]
enum Command {
    /// Seal each FILE as FILE.sealed; needs no network
    Seal {
        /// Public key, as GetPublicKey returns it: DER, PEM, base64 or JSON
        public_key: PathBuf,
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Unseal each FILE.sealed as FILE
    Unseal {
        /// Id, ARN or alias of a key that may be used; may be repeated
        #[arg(long = "key", required = true)]
        keys: Vec<String>,
        #[arg(value_name = "FILE.sealed", required = true)]
        files: Vec<PathBuf>,
    },
}

// One thread is enough: there is more to wait for than to compute.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    match Command::parse() {
        Command::Seal { public_key, files } => seal(&public_key, &files).await,
        Command::Unseal { keys, files } => unseal(&keys, files).await,
    }
}

async fn seal(public_key: &Path, files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let key = fs::read(public_key).await;
    let key = key.with_context(|| format!("cannot read {}", public_key.display()))?;
    let key = PublicKey::new(&key)?;
    for file in files {
        let sealed = seal_file(file, &key).await;
        sealed.with_context(|| format!("cannot seal {}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn seal_file(source: &Path, key: &PublicKey) -> anyhow::Result<()> {
    let mut reader = BufReader::with_capacity(PIECE_LEN, File::open(source).await?);
    let mut name = source.as_os_str().to_owned();
    name.push(".sealed");
    let target = Target::create(name.into())?;

    let recipients = [Recipient::new(key)];
    let mut writer = AsyncSealWriter::new(target.writer()?, &Envelope::new(&recipients))?;
    io::copy_buf(&mut reader, &mut writer).await?;
    // Without this, the message would be refused as truncated.
    writer.finish().await?;
    target.commit()
}

async fn unseal(keys: &[String], files: Vec<PathBuf>) -> anyhow::Result<ExitCode> {
    let config = aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await;
    let unwrapper = KmsUnwrapper::new(Client::new(&config), keys).await?;
    // Messages that share a data key cause one call, even at the same time.
    let unwrapper = Arc::new(CachingUnwrapper::new(unwrapper, CacheLimits::default()));

    let mut tasks = JoinSet::new();
    let mut failures = 0;
    for file in files {
        if tasks.len() == AT_ONCE {
            failures += tasks.join_next().await.transpose()?.unwrap_or(0);
        }
        let unwrapper = Arc::clone(&unwrapper);
        tasks.spawn(async move {
            let Err(error) = unseal_file(&file, &unwrapper).await else {
                return 0;
            };
            let own = error
                .chain()
                .find_map(|error| error.downcast_ref::<Error>());
            let again = own.is_some_and(|error| error.kind().is_retryable());
            let advice = if again { " (try again later)" } else { "" };
            eprintln!("cannot unseal {}: {error:#}{advice}", file.display());
            1
        });
    }
    failures += tasks.join_all().await.into_iter().sum::<u32>();
    Ok(if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn unseal_file(
    source: &Path,
    unwrapper: &CachingUnwrapper<KmsUnwrapper>,
) -> anyhow::Result<()> {
    let is_sealed = source.extension().is_some_and(|end| end == "sealed");
    ensure!(is_sealed, "its name does not end in .sealed");
    let reader = AsyncUnsealReader::new(File::open(source).await?, unwrapper, &[]).await?;
    let target = Target::create(source.with_extension(""))?;

    let mut writer = target.writer()?;
    io::copy_buf(
        &mut BufReader::with_capacity(PIECE_LEN, reader),
        &mut writer,
    )
    .await?;
    // The end of the message has been verified.
    writer.flush().await?;
    target.commit()
}

/// A file that gets its name only when it is complete. Only its owner can read it.
struct Target {
    path: PathBuf,
    file: NamedTempFile,
}

impl Target {
    fn create(path: PathBuf) -> anyhow::Result<Self> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        Ok(Self { path, file })
    }

    fn writer(&self) -> io::Result<File> {
        Ok(File::from_std(self.file.reopen()?))
    }

    fn commit(self) -> anyhow::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(self.path)?;
        Ok(())
    }
}
