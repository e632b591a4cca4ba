//! A large file, and a part of it.

use std::{
    cell::Cell,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    rc::Rc,
};

use libseal::UnsealReader;

use crate::{
    harness::Case,
    streams,
    workload::{MIB, Workload},
};

const PIECE_LEN: usize = MIB;
const PART_LEN: usize = MIB;

pub(crate) fn cases(work: &Workload) -> Vec<Case<'_>> {
    let size = fs::metadata(work.path("source")).unwrap().len() as usize;
    let mut cases = Vec::new();
    for pool in [None, Some(work.pool())] {
        cases.extend([
            Case::in_pool(pool, "libseal", "seal a file", size, move |out| {
                let mut source = work.file("source");
                let piece = &mut out[..PIECE_LEN];
                streams::seal(work, &mut source, work.new_target(), piece);
                work.target_len()
            }),
            Case::in_pool(pool, "libseal", "unseal a file", size, move |out| {
                let source = work.file("source.sealed");
                let piece = &mut out[..PIECE_LEN];
                streams::unseal(work, source, &mut work.new_target(), piece);
                work.target_len()
            }),
        ]);
    }
    cases
}

/// A file that counts what is read of it.
struct Counting {
    file: File,
    read: Rc<Cell<u64>>,
}

impl Read for Counting {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read(out)?;
        self.read.set(self.read.get() + len as u64);
        Ok(len)
    }
}

impl Seek for Counting {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// The count is that of the bytes read of the message.
pub(crate) fn middle(work: &Workload) -> Vec<Case<'_>> {
    let size = fs::metadata(work.path("source")).unwrap().len();
    let mut expected = vec![0; PART_LEN];
    let mut source = work.file("source");
    source.seek(SeekFrom::Start(size / 2)).unwrap();
    source.read_exact(&mut expected).unwrap();

    vec![Case::new(
        "libseal",
        "read the middle",
        PART_LEN,
        move |out| {
            let read = Rc::new(Cell::new(0));
            let source = Counting {
                file: work.file("source.sealed"),
                read: Rc::clone(&read),
            };
            let mut reader = UnsealReader::new(source, work.unwrapper(), &[]).unwrap();
            reader.seek(SeekFrom::Start(size / 2)).unwrap();
            let part = &mut out[..PART_LEN];
            reader.read_exact(part).unwrap();
            assert!(*part == *expected, "the middle");
            read.get()
        },
    )]
}
