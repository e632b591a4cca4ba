//! Lists sealed objects and reads parts of them, in S3 or in a folder.
//!
//! ```sh
//! cargo run -- --private-key key.pem s3://example-bucket/logs
//! cargo run -- --private-key key.pem s3://example-bucket/logs logs/monday.sealed --range 1000-1999
//! ```
//!
//! Region, credentials and endpoint are those in the variables AWS_*.

use std::{env, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::Parser;
use futures::TryStreamExt;
use libseal::{DataKeys, LocalUnwrapper};
use libseal_rust_object_store::{SealedStore, scan};
use object_store::{GetOptions, GetRange, ObjectStore, path::Path};
use tokio::io::AsyncWriteExt;
use url::Url;

/// List sealed objects under URL, or write a part of one to the standard output
#[derive(Parser)]
struct Arguments {
    /// Private key in PEM; a service has an unwrapper over a KMS instead
    #[arg(long)]
    private_key: PathBuf,
    /// s3://BUCKET/PREFIX or file:///FOLDER
    url: Url,
    /// Path of one object in the store
    object: Option<String>,
    /// First and last byte of the plaintext; all of it without this
    #[arg(long, value_parser = range, requires = "object")]
    range: Option<GetRange>,
}

fn range(text: &str) -> anyhow::Result<GetRange> {
    let (first, last) = text.split_once('-').context("a range is FIRST-LAST")?;
    let (first, last): (u64, u64) = (first.parse()?, last.parse()?);
    Ok(GetRange::Bounded(first..last.saturating_add(1)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let private_key = std::fs::read(&arguments.private_key)?;
    let unwrapper = LocalUnwrapper::new(&private_key, None)?;
    let options = env::vars().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let options = options.filter(|(name, _)| name.starts_with("aws_"));
    let (store, prefix) = object_store::parse_url_opts(&arguments.url, options)?;
    let store: Arc<dyn ObjectStore> = Arc::from(store);

    let scan = scan(store.clone(), &prefix).await?;
    let mut data_keys = DataKeys::new();
    // One call for each data key, and not for each object.
    let mut failures = scan.failures.len();
    for header in scan.plan.headers() {
        if let Err(error) = data_keys.unwrap(header, &unwrapper) {
            eprintln!("a data key could not be unwrapped: {error:#}");
            failures += 1;
        }
    }
    for (path, error) in &scan.failures {
        eprintln!("not sealed, or not whole: {path}: {error:#}");
    }

    let store = SealedStore::new(store, scan, data_keys);
    let mut out = tokio::io::stdout();
    match arguments.object {
        Some(object) => {
            let options = GetOptions::new().with_range(arguments.range);
            let result = store.get_opts(&Path::parse(object)?, options).await?;
            let mut pieces = result.into_stream();
            while let Some(piece) = pieces.try_next().await? {
                out.write_all(&piece).await?;
            }
            out.flush().await?;
            return Ok(ExitCode::SUCCESS);
        }
        None => {
            let mut listed = store.list(Some(&prefix));
            while let Some(meta) = listed.try_next().await? {
                println!("{} {}", meta.size, meta.location);
            }
        }
    }
    Ok(ExitCode::from(u8::from(failures > 0)))
}
