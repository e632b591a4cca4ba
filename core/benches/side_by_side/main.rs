//! The Rust part of `make bench`, which compares libseal with what else seals on this machine.
//!
//! ```sh
//! side_by_side WORK GROUP ROUNDS
//! ```
//!
//! WORK is a directory that `tests/measure/bench/workload.py` made. Prints a line of JSON for each case.

#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a program that measures may panic"
)]

mod bare;
mod files;
mod harness;
mod memory;
mod streams;
mod workload;

use std::env;

use harness::{Case, measure};
use libseal::PROVIDER;
use workload::{MIB, Workload};

const LARGE: usize = 64 * MIB;
const SMALL: [usize; 3] = [64, 1024, 64 * 1024];
/// More than any case writes of the large message.
const ROOM: usize = LARGE + MIB;

fn main() {
    // `cargo bench` calls it without a directory; then there is nothing to measure.
    let [work, group, rounds] = &env::args().skip(1).collect::<Vec<_>>()[..] else {
        eprintln!("side_by_side is run by `make bench`: side_by_side WORK GROUP ROUNDS");
        return;
    };
    let work = Workload::open(work);
    if group == "verify" {
        return memory::verify(&work, &[SMALL.as_slice(), &[LARGE]].concat());
    }
    let rounds = rounds.parse().unwrap();
    measure(PROVIDER, cases(&work, group), ROOM, rounds);
}

fn cases<'a>(work: &'a Workload, group: &str) -> Vec<Case<'a>> {
    match group {
        "large" => large(work),
        "small" => small(work),
        "streams" => streams::cases(work, LARGE),
        "file" => files::cases(work),
        "middle" => files::middle(work),
        // The bench of Python is about what it takes there.
        "many" => Vec::new(),
        other => panic!("no group {other}"),
    }
}

fn large(work: &Workload) -> Vec<Case<'_>> {
    let plaintext = work.plaintext(LARGE);
    let mut cases = vec![bare::memcpy(plaintext), bare::fresh_allocation(LARGE)];
    if PROVIDER == "aws-lc" {
        cases.extend(bare::in_place(bare::AwsLc::new(), plaintext));
    } else {
        cases.extend(bare::in_place(bare::AesGcm::new(), plaintext));
    }
    for pool in [None, Some(work.pool())] {
        cases.extend(memory::into_buffer(work, pool, LARGE));
    }
    cases.extend(memory::returning(work, LARGE));
    cases
}

fn small(work: &Workload) -> Vec<Case<'_>> {
    let [aws_lc, portable] = bare::wraps(&work.public_key_der);
    let wrap = if PROVIDER == "aws-lc" {
        aws_lc
    } else {
        portable
    };
    let mut cases = vec![wrap];
    for size in SMALL {
        cases.extend(memory::into_buffer(work, None, size));
        cases.extend(memory::returning(work, size));
        cases.extend(memory::under_a_key_in_use(work, size));
    }
    cases
}
