//! What a job on many messages has to read, and which data keys it needs.

use core::{cmp::Reverse, fmt, num::NonZero};

use alloc::{
    collections::{BTreeMap, BinaryHeap},
    vec,
    vec::Vec,
};

use crate::{
    crypto,
    error::{Error, ErrorKind},
    header::read::Header,
};

/// What the encoded form begins with.
const VERSION: u8 = 1;

/// A table of messages for a job on many of them: how long each is, and which header it has.
///
/// Made of nothing but the beginnings of the messages and their lengths, without any key:
/// [`add`](Self::add) each, in any order. All messages of one [`SealingKey`](crate::SealingKey) have the
/// same header, so there are as many distinct [`headers`](Self::headers) as data keys to unwrap:
/// [`DataKeys`](crate::DataKeys) has an example. Parts of the work are plans too:
/// [`partitions`](Self::partitions), [`part`](Self::part).
///
/// Nothing in it is secret, and nothing is trusted: headers are verified when their data keys are there,
/// and the messages when they are read. What the encryption context must have is for the caller to check:
/// [`Header::require`].
///
/// Files are numbered from 0 in the order of adding. Names are for the caller to keep.
#[derive(Clone, Default)]
pub struct Plan {
    headers: Vec<Header>,
    /// The numbers of the headers, by SHA-256.
    numbers: BTreeMap<[u8; 32], usize>,
    files: Vec<File>,
}

#[derive(Clone, Copy)]
struct File {
    header: usize,
    message_len: u64,
    plaintext_len: u64,
}

impl Plan {
    /// A plan without files.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            headers: Vec::new(),
            numbers: BTreeMap::new(),
            files: Vec::new(),
        }
    }

    /// Adds the message that begins with `beginning` and is `message_len` bytes long, and returns its
    /// number. Most headers are shorter than 4 KiB, and none is longer than
    /// [`MAX_HEADER_LEN`](crate::MAX_HEADER_LEN).
    ///
    /// # Errors
    /// As [`Header::parse`]: [`Truncated`](ErrorKind::Truncated) if the header goes on after `beginning`.
    /// `Truncated` also if no whole message is `message_len` bytes long. Nothing was added then.
    pub fn add(&mut self, beginning: &[u8], message_len: u64) -> Result<usize, Error> {
        let header = Header::parse(beginning)?;
        let plaintext_len = header.plaintext_len(message_len)?;
        let header = self.number_of(header);
        self.files.push(File {
            header,
            message_len,
            plaintext_len,
        });
        Ok(self.files.len() - 1)
    }

    /// Adds the files of `other` after those of this plan, in their order. Equal headers become one.
    pub fn extend(&mut self, other: Self) {
        let numbers = other.headers.into_iter();
        let numbers: Vec<_> = numbers.map(|header| self.number_of(header)).collect();
        let files = other.files.into_iter().filter_map(|file| {
            let header = *numbers.get(file.header)?;
            Some(File { header, ..file })
        });
        self.files.extend(files);
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are no files.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The headers of all files, each once, in the order in which they were first added.
    #[must_use]
    pub fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// The header of a file; `None` if there is no file of this number.
    #[must_use]
    pub fn header_of(&self, file: usize) -> Option<&Header> {
        self.headers.get(self.header_number_of(file)?)
    }

    /// Which of [`headers`](Self::headers) a file has.
    #[must_use]
    pub fn header_number_of(&self, file: usize) -> Option<usize> {
        self.files.get(file).map(|file| file.header)
    }

    /// Length of the message in bytes.
    #[must_use]
    pub fn message_len(&self, file: usize) -> Option<u64> {
        self.files.get(file).map(|file| file.message_len)
    }

    /// Length of the plaintext in bytes, if the message is whole.
    #[must_use]
    pub fn plaintext_len(&self, file: usize) -> Option<u64> {
        self.files.get(file).map(|file| file.plaintext_len)
    }

    /// Divides the files among `count` workers: at most as many parts, none of them empty, each of them the
    /// numbers of its files in ascending order.
    ///
    /// The files of one header stay together, so that each of its workers unwraps the data key with a call
    /// of its own and there are few such calls. Only a header whose messages are longer than a fair share
    /// is divided, into as few pieces as possible. The longest part is at most two fair shares and one file
    /// long. More parts are more even.
    #[must_use]
    pub fn partitions(&self, count: NonZero<usize>) -> Vec<Vec<usize>> {
        let groups = self.by_header();
        let total: u128 = groups.iter().map(|group| group.len).sum();
        let share = total.div_ceil(count.get() as u128).max(1);
        let pieces = groups
            .into_iter()
            .flat_map(|group| self.pieces(group, share));
        let mut pieces: Vec<Piece> = pieces.collect();
        // The longest first, each into the part that is shortest then.
        pieces.sort_by_key(|piece| Reverse(piece.len));
        let mut parts = vec![Vec::new(); count.get().min(pieces.len())];
        let mut shortest: BinaryHeap<_> = (0..parts.len()).map(|part| Reverse((0, part))).collect();
        for piece in pieces {
            if let Some(mut top) = shortest.peek_mut() {
                let Reverse((len, part)) = *top;
                if let Some(part) = parts.get_mut(part) {
                    part.extend(piece.files);
                }
                *top = Reverse((len + piece.len, part));
            }
        }
        parts.iter_mut().for_each(|part| part.sort_unstable());
        parts.sort_unstable();
        parts
    }

    /// The plan for some of the files, which get new numbers in the order of `files`, and the headers that
    /// they need. `None` if there is no file of one of these numbers.
    #[must_use]
    pub fn part(&self, files: &[usize]) -> Option<Self> {
        let mut part = Self::new();
        let mut numbers = BTreeMap::new();
        for file in files {
            let file = self.files.get(*file)?;
            let header = match numbers.get(&file.header) {
                Some(number) => *number,
                None => {
                    let number = part.number_of(self.headers.get(file.header)?.clone());
                    numbers.insert(file.header, number);
                    number
                }
            };
            part.files.push(File { header, ..*file });
        }
        Some(part)
    }

    /// The plan as bytes, for another process: each header once, and 16 bytes for each file. Not to be
    /// stored: only the same version of this library is sure to read it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let headers_len: usize = self.headers.iter().map(|header| 8 + header.len()).sum();
        let mut out = Vec::with_capacity(9 + headers_len + 16 * self.files.len());
        out.push(VERSION);
        out.extend((self.headers.len() as u64).to_be_bytes());
        for header in &self.headers {
            out.extend((header.len() as u64).to_be_bytes());
            out.extend(header.as_bytes());
        }
        for file in &self.files {
            out.extend((file.header as u64).to_be_bytes());
            out.extend(file.message_len.to_be_bytes());
        }
        out
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`UnsupportedVersion`](ErrorKind::UnsupportedVersion) if another version of this library wrote it,
    /// [`HeaderMalformed`](ErrorKind::HeaderMalformed) if these are not the bytes of a plan.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (version, mut rest) = bytes.split_first().ok_or_else(malformed)?;
        if *version != VERSION {
            let reason = "another version of libseal made this plan: use the same one in all processes \
                          of a job";
            return Err(Error::with_reason(ErrorKind::UnsupportedVersion, reason));
        }
        let mut plan = Self::new();
        let headers = take_number(&mut rest)?;
        for number in 0..headers {
            let len = usize::try_from(take_number(&mut rest)?).map_err(|_| malformed())?;
            let bytes = rest.split_off(..len).ok_or_else(malformed)?;
            let header = Header::parse(bytes).map_err(|_| malformed())?;
            if header.len() != len || plan.number_of(header) as u64 != number {
                return Err(malformed());
            }
        }
        while !rest.is_empty() {
            let header = usize::try_from(take_number(&mut rest)?).map_err(|_| malformed())?;
            let message_len = take_number(&mut rest)?;
            let known = plan.headers.get(header).ok_or_else(malformed)?;
            let plaintext_len = known.plaintext_len(message_len);
            plan.files.push(File {
                header,
                message_len,
                plaintext_len: plaintext_len.map_err(|_| malformed())?,
            });
        }
        Ok(plan)
    }

    /// The number of a header, which is added if it is new.
    fn number_of(&mut self, header: Header) -> usize {
        let hash = crypto::sha256(&[header.as_bytes()]);
        *self.numbers.entry(hash).or_insert_with(|| {
            self.headers.push(header);
            self.headers.len() - 1
        })
    }

    /// The files of each header.
    fn by_header(&self) -> Vec<Piece> {
        let mut groups = vec![Piece::default(); self.headers.len()];
        for (number, file) in self.files.iter().enumerate() {
            if let Some(group) = groups.get_mut(file.header) {
                group.push(number, file);
            }
        }
        groups.retain(|group| !group.files.is_empty());
        groups
    }

    /// The files of one header, in as few pieces as a share of this length permits. None is longer than
    /// that and a file.
    fn pieces(&self, group: Piece, share: u128) -> Vec<Piece> {
        let count = group.len.div_ceil(share);
        if count <= 1 {
            return vec![group];
        }
        let piece_len = group.len.div_ceil(count);
        let mut pieces: Vec<Piece> = Vec::new();
        let (mut before, mut current) = (0, None);
        for number in group.files {
            let Some(file) = self.files.get(number) else {
                continue;
            };
            // Where the middle of the file lies.
            let message_len = u128::from(file.message_len);
            let index = (before + message_len / 2) / piece_len;
            before += message_len;
            if current.replace(index) != Some(index) {
                pieces.push(Piece::default());
            }
            if let Some(piece) = pieces.last_mut() {
                piece.push(number, file);
            }
        }
        pieces
    }
}

/// Files that stay together, and the length of their messages in all.
#[derive(Clone, Default)]
struct Piece {
    len: u128,
    files: Vec<usize>,
}

impl Piece {
    fn push(&mut self, number: usize, file: &File) {
        self.len += u128::from(file.message_len);
        self.files.push(number);
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("files", &self.files.len())
            .field("headers", &self.headers.len())
            .finish_non_exhaustive()
    }
}

fn take_number(bytes: &mut &[u8]) -> Result<u64, Error> {
    let (number, rest) = bytes.split_first_chunk().ok_or_else(malformed)?;
    *bytes = rest;
    Ok(u64::from_be_bytes(*number))
}

fn malformed() -> Error {
    Error::with_reason(
        ErrorKind::HeaderMalformed,
        "these are not the bytes of a plan",
    )
}
