//! What is sealed and unsealed: the files that `tests/measure/bench/workload.py` made. And the threads that
//! are lent for it.

use std::{
    fs::{self, File},
    num::NonZero,
    path::{Path, PathBuf},
    thread,
};

use libseal::{DataKey, LocalUnwrapper, PublicKey, Recipient, Unwrap, unwrap_fn};
use rayon::{ThreadPool, ThreadPoolBuilder};

pub(crate) const MIB: usize = 1024 * 1024;
const MAX_THREADS: usize = 8;

pub(crate) struct Workload {
    directory: PathBuf,
    pub(crate) public_key_der: Vec<u8>,
    public_key: PublicKey,
    data_key: [u8; DataKey::LEN],
    plaintext: Vec<u8>,
    pool: ThreadPool,
}

impl Workload {
    pub(crate) fn open(directory: impl AsRef<Path>) -> Self {
        let directory = directory.as_ref().to_owned();
        let read = |name| fs::read(directory.join(name)).unwrap();
        let public_key_der = read("public.der");
        Self {
            public_key: PublicKey::new(&public_key_der).unwrap(),
            public_key_der,
            data_key: read("data-key").try_into().unwrap(),
            plaintext: read("plaintext"),
            pool: pool(),
            directory,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A thread for each core, but no more than 8.
    pub(crate) fn pool(&self) -> &ThreadPool {
        &self.pool
    }

    pub(crate) fn recipient(&self) -> Recipient<'_> {
        Recipient::new(&self.public_key)
    }

    pub(crate) fn plaintext(&self, len: usize) -> &[u8] {
        &self.plaintext[..len]
    }

    /// `plaintext(len)`, sealed under the data key that is known.
    pub(crate) fn message(&self, len: usize) -> Vec<u8> {
        fs::read(self.path(&format!("{len}.sealed"))).unwrap()
    }

    /// Knows the data key already: RSA decryption is the work of a KMS, and not measured.
    pub(crate) fn unwrapper(&self) -> impl Unwrap + use<> {
        let data_key = self.data_key;
        unwrap_fn(move |_| Ok(Some(data_key.into())))
    }

    pub(crate) fn private_key(&self) -> LocalUnwrapper {
        LocalUnwrapper::new(&fs::read(self.path("private.pem")).unwrap(), None).unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> File {
        File::open(self.path(name)).unwrap()
    }

    /// A new file each time, as `cp` makes one: an old one would have to be truncated first.
    pub(crate) fn new_target(&self) -> File {
        let path = self.path("target-rust");
        let _ = fs::remove_file(&path);
        File::create_new(path).unwrap()
    }

    pub(crate) fn target_len(&self) -> u64 {
        fs::metadata(self.path("target-rust")).unwrap().len()
    }
}

fn pool() -> ThreadPool {
    let most = NonZero::new(MAX_THREADS).unwrap();
    let threads = thread::available_parallelism().map_or(most, |cores| cores.min(most));
    let builder = ThreadPoolBuilder::new().num_threads(threads.get());
    builder.build().unwrap()
}
