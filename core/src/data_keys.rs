//! Data keys that were unwrapped, for a job on many messages.

use core::{cell::RefCell, fmt};

use alloc::{collections::BTreeMap, vec, vec::Vec};
use zeroize::Zeroizing;

#[cfg(feature = "getrandom")]
use crate::{
    crypto::random::{LastAnswer, Random, SystemRandom},
    payload::{keys::MessageKeys, threads::Threads},
    sealer::seal_rest,
};
use crate::{
    crypto::{self, secret::DataKey, stack::with_wiped_stack},
    error::{Error, ErrorKind},
    header::read::Header,
    job_key::JobKey,
    payload::{layout, unseal::PayloadUnsealer},
    recipient::wrapped_key::WrappedKey,
    unwrap::{Unwrap, Unwrapped},
};

/// What encrypted data keys begin with: how they are encoded.
const VERSION: u8 = 1;
/// The context of the payload that they are encrypted as, which is no other payload's: those of messages
/// begin with `SEAL`.
const CONTEXT: &[u8] = b"libseal/v1 data keys of a job";

/// SHA-256 of kind, fingerprint and ciphertext of a wrapped key.
type Name = [u8; NAME_LEN];
const NAME_LEN: usize = 32;
/// A name and its data key.
const ENTRY_LEN: usize = NAME_LEN + DataKey::LEN;

/// Data keys that were unwrapped already: an unwrapper that asks no one.
///
/// For jobs on many messages: unwrap every data key of a [`Plan`](crate::Plan) once, and read the
/// messages with this as the unwrapper, on as many threads as you like. What it does not have is
/// [not its own](Unwrapped::NotMine), so in front of a KMS it saves the calls. Workers in other processes
/// get it [encrypted](Self::encrypt) under a [`JobKey`].
///
/// ```
/// # let der = include_bytes!("../tests/vectors/keys/rsa-2048.pub.der");
/// # let private_pem = include_bytes!("../tests/vectors/keys/rsa-2048.key.pem");
/// # let kms = libseal::LocalUnwrapper::new(private_pem, None)?;
/// # let key = libseal::PublicKey::new(der)?;
/// # let recipients = [libseal::Recipient::new(&key)];
/// # let envelope = libseal::Envelope::new(&recipients);
/// # let mut sealing_key = libseal::SealingKey::new(envelope, Default::default())?;
/// # let messages = sealing_key.seal_many(&[b"21.5 C", b"21.7 C"])?;
/// use libseal::{DataKeys, JobKey, Plan, unseal};
///
/// let mut plan = Plan::new();
/// for message in &messages {
///     plan.add(message, message.len() as u64)?;
/// }
/// let mut data_keys = DataKeys::new();
/// for header in plan.headers() {
///     data_keys.unwrap(header, &kms)?;
/// }
///
/// // On the way to a worker:
/// let job_key = JobKey::generate()?;
/// let encrypted = data_keys.encrypt(&job_key)?;
///
/// // The worker has the job key from its environment.
/// let job_key = JobKey::from_text(&job_key.to_text())?;
/// let data_keys = DataKeys::decrypt(&job_key, &encrypted)?;
/// assert_eq!(unseal(&messages[1], &data_keys, &[])?, b"21.7 C");
/// # Ok::<(), libseal::Error>(())
/// ```
///
/// It knows a wrapped key by its fingerprint and ciphertext. The bytes of data keys are wiped when it is
/// dropped, are in no debug output, and stay usable in a forked child.
#[derive(Clone, Default)]
pub struct DataKeys {
    keys: BTreeMap<Name, DataKey>,
}

impl DataKeys {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            keys: BTreeMap::new(),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Unwraps the data key of `header` with `unwrapper`, verifies the header with it, and keeps it. A key
    /// that is here already is not asked for again.
    ///
    /// The unwrapper is asked about one recipient at a time, so no message can put a wrong data key in the
    /// place of the right one.
    ///
    /// # Errors
    /// As [`Header::unwrap_with`], and [`AuthenticationFailed`](ErrorKind::AuthenticationFailed) if the
    /// header was altered or this is not its data key. Nothing is kept then.
    pub fn unwrap(&mut self, header: &Header, unwrapper: impl Unwrap) -> Result<(), Error> {
        if let Some(data_key) = self.data_key_of(header) {
            return Ok(with_wiped_stack(|| header.verify(data_key))?);
        }
        let asking = Asking {
            unwrapper,
            answer: RefCell::default(),
        };
        let data_key = header.unwrap_with(&asking)?;
        with_wiped_stack(|| header.verify(&data_key))?;
        self.keys.extend(asking.answer.into_inner());
        Ok(())
    }

    /// Keeps the data key of a wrapped key, which came in another way than [`unwrap`](Self::unwrap).
    pub fn insert(&mut self, key: &WrappedKey<'_>, data_key: DataKey) {
        self.keys.insert(name(key), data_key);
    }

    /// Takes over those of `other` too.
    pub fn extend(&mut self, other: Self) {
        self.keys.extend(other.keys);
    }

    /// Whether the data key of `header` is here.
    #[must_use]
    pub fn contains(&self, header: &Header) -> bool {
        self.data_key_of(header).is_some()
    }

    /// The part that messages with these headers need, such as those of
    /// [a part](crate::Plan::part) of a plan.
    #[must_use]
    pub fn for_headers<'h>(&self, headers: impl IntoIterator<Item = &'h Header>) -> Self {
        let names = headers.into_iter().flat_map(names);
        let keys = names.filter_map(|name| Some((name, self.keys.get(&name)?.clone())));
        Self {
            keys: keys.collect(),
        }
    }

    /// Encrypts them under `job_key`, for a process that has it. Each takes 64 bytes.
    ///
    /// The encryption is that of a message's payload, [Cobblestone-256], with the job key in the place of
    /// the data key, a context of its own and a fresh salt: no other cryptography. There is nothing else in
    /// it, so it says nothing but how many they are.
    ///
    /// [Cobblestone-256]: https://c2sp.org/chunked-encryption
    ///
    /// # Errors
    /// [`RandomFailed`](ErrorKind::RandomFailed).
    #[cfg(feature = "getrandom")]
    pub fn encrypt(&self, job_key: &JobKey) -> Result<Vec<u8>, Error> {
        let mut plaintext = Zeroizing::new(vec![0; self.keys.len() * ENTRY_LEN]);
        for (entry, (name, data_key)) in plaintext.chunks_exact_mut(ENTRY_LEN).zip(&self.keys) {
            let (name_out, key_out) = entry.split_at_mut(NAME_LEN);
            name_out.copy_from_slice(name);
            key_out.copy_from_slice(data_key.as_bytes());
        }
        let len = 1 + layout::sealed_len(plaintext.len() as u64)?;
        let mut out = vec![0; usize::try_from(len).map_err(|_| ErrorKind::MessageTooLong)?];
        let (version, payload) = out.split_first_mut().ok_or(ErrorKind::Internal)?;
        *version = VERSION;
        let split = payload.split_at_mut_checked(layout::START_LEN);
        let (start, rest) = split.ok_or(ErrorKind::Internal)?;
        with_wiped_stack(|| {
            let mut last = LastAnswer::default();
            let mut random = Random::new(&SystemRandom, &mut last);
            let mut keys = MessageKeys::default();
            keys.draw(job_key.as_bytes(), CONTEXT, &mut random, start)?;
            seal_rest(&keys, &plaintext, rest, Threads::ALL)
        })?;
        Ok(out)
    }

    /// Decrypts what [`encrypt`](Self::encrypt) made.
    ///
    /// # Errors
    /// [`AuthenticationFailed`](ErrorKind::AuthenticationFailed) if it was encrypted under another job
    /// key, or altered; [`UnsupportedVersion`](ErrorKind::UnsupportedVersion) if a newer version of this
    /// library made it.
    pub fn decrypt(job_key: &JobKey, encrypted: &[u8]) -> Result<Self, Error> {
        let (version, payload) = encrypted.split_first().ok_or_else(not_authentic)?;
        if *version != VERSION {
            let reason = "the data keys were encrypted by another version of libseal: use the same one in \
                          all processes of a job";
            return Err(Error::with_reason(ErrorKind::UnsupportedVersion, reason));
        }
        let (start, chunks) = payload.split_first_chunk().ok_or_else(not_authentic)?;
        let len = layout::opened_to_end_len(chunks.len() as u64);
        let len = usize::try_from(len).map_err(|_| not_authentic())?;
        let mut plaintext = Zeroizing::new(vec![0; len]);
        with_wiped_stack(|| {
            let mut unsealer = PayloadUnsealer::start_with(start, |keys, salt| {
                keys.derive(job_key.as_bytes(), salt, CONTEXT)
            })?;
            unsealer.open_to_end(chunks, &mut plaintext)
        })
        .map_err(|_| not_authentic())?;
        let entries = plaintext.chunks(ENTRY_LEN).map(|entry| {
            let (name, data_key) = entry.split_first_chunk().ok_or(ErrorKind::Internal)?;
            Ok((*name, DataKey::try_from(data_key)?))
        });
        let keys = entries.collect::<Result<_, Error>>()?;
        Ok(Self { keys })
    }

    fn data_key_of(&self, header: &Header) -> Option<&DataKey> {
        names(header).find_map(|name| self.keys.get(&name))
    }
}

/// One after the other: the first that is here counts.
impl Unwrap for DataKeys {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        let data_key = self.keys.get(&name(key)).cloned();
        data_key.map_or(Unwrapped::NotMine, Unwrapped::DataKey)
    }
}

impl fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKeys")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// An unwrapper that remembers which wrapped key the answer was for.
struct Asking<U> {
    unwrapper: U,
    answer: RefCell<Option<(Name, DataKey)>>,
}

impl<U: Unwrap> Unwrap for Asking<U> {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        let answer = self.unwrapper.unwrap_key(key);
        if let Unwrapped::DataKey(data_key) = &answer {
            self.answer.replace(Some((name(key), data_key.clone())));
        }
        answer
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.unwrapper.fingerprints()
    }
}

/// Not the key id: it is a hint, and the same wrapped key may have several.
fn name(key: &WrappedKey<'_>) -> Name {
    crypto::sha256(&[&[key.kind()], key.fingerprint(), key.ciphertext()])
}

fn names(header: &Header) -> impl Iterator<Item = Name> {
    header.wrapped_keys().map(|key| name(&key))
}

fn not_authentic() -> Error {
    let reason =
        "the data keys do not decrypt: they were encrypted under another job key, or altered";
    Error::with_reason(ErrorKind::AuthenticationFailed, reason)
}
