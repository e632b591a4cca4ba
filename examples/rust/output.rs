//! A file that appears under its name only when it is complete: until then it is `NAME.partial`.
//!
//! Only its owner can read it, afterwards too: the permissions of an old file are not kept. An old
//! file is replaced if it is a regular file that may be written. A killed process leaves
//! `NAME.partial` behind, which the next one removes, but not from a process that still writes it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::Path,
};

use anyhow::{Context, bail, ensure};
use tempfile::{Builder, NamedTempFile};

/// The file that is to replace `target`. Removes itself unless it is committed.
pub(crate) fn create(target: &Path) -> anyhow::Result<NamedTempFile> {
    let context = || format!("cannot write {}", target.display());
    check(target).with_context(context)?;
    create_partial(target).with_context(context)
}

/// Gives the file its name.
pub(crate) fn commit(file: NamedTempFile, target: &Path) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", target.display());
    file.as_file().sync_all().with_context(context)?;
    file.persist(target)
        .map_err(|error| error.error)
        .with_context(context)?;
    Ok(())
}

fn check(target: &Path) -> anyhow::Result<()> {
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
        Ok(old) => {
            // A symbolic link would be replaced itself, and a device or a pipe by a file.
            ensure!(old.is_file(), "it is not a regular file");
            OpenOptions::new().write(true).open(target)?;
            Ok(())
        }
    }
}

fn create_partial(target: &Path) -> anyhow::Result<NamedTempFile> {
    let (Some(directory), Some(name)) = (target.parent(), target.file_name()) else {
        bail!("it is not the name of a file");
    };
    let mut name = name.to_owned();
    name.push(".partial");
    let partial = directory.join(&name);
    loop {
        match Builder::new()
            .prefix(&name)
            .rand_bytes(0)
            .tempfile_in(directory)
        {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                remove_leftover(&partial)?;
            }
            Err(error) => return Err(error.into()),
            // Otherwise another process took it for a leftover before it was locked.
            Ok(file) if lock(file.as_file())? && is_at(file.as_file(), &partial) => {
                return Ok(file);
            }
            // That process has removed it, and the name may be in use again.
            Ok(mut file) => file.disable_cleanup(true),
        }
    }
}

/// Removes what a killed process left. Whoever has the lock may remove the file.
fn remove_leftover(partial: &Path) -> anyhow::Result<()> {
    let in_the_way = || format!("{} is in the way", partial.display());
    let Ok(metadata) = fs::symlink_metadata(partial) else {
        return Ok(()); // Gone by now.
    };
    ensure!(metadata.is_file(), in_the_way());
    let file = OpenOptions::new()
        .write(true)
        .open(partial)
        .with_context(in_the_way)?;
    ensure!(lock(&file)?, "another process is writing it");
    if is_at(&file, partial) {
        fs::remove_file(partial).with_context(in_the_way)?;
    }
    Ok(())
}

fn lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(opened), Ok(named)) => identity(opened) == identity(named),
        _ => false,
    }
}

/// An open file cannot be removed here.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}
