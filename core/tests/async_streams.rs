//! The `tokio::io` adapters, with readers and writers that misbehave, and futures that are dropped.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::io::{self, Cursor, Read};

use common::{
    LENGTHS, Vector, data_key_of,
    jerky::{Call, Jerky, poll_once, poll_times, until_ready},
    local_unwrapper, pattern, public_key, seal,
};
use libseal::{
    AsyncSealWriter, AsyncUnsealReader, Envelope, Error, ErrorKind, Header, PublicKey, Recipient,
    UnsealReader, unseal,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt};

fn seal_writer<W: AsyncWrite + Unpin>(inner: W, key: &PublicKey) -> AsyncSealWriter<W> {
    AsyncSealWriter::new(inner, &Envelope::new(&[Recipient::new(key)])).unwrap()
}

fn own_kind(error: io::Error) -> ErrorKind {
    error.downcast::<Error>().unwrap().kind()
}

fn opened(message: &[u8]) -> Result<Vec<u8>, Error> {
    unseal(message, local_unwrapper("rsa-2048"), &[])
}

#[tokio::test]
async fn every_length_comes_back_whatever_the_pieces() {
    let key = public_key("rsa-2048");
    let unwrapper = local_unwrapper("rsa-2048");
    for len in LENGTHS.into_iter().chain([200_000]) {
        for piece_len in [1, 100, 16384, 100_000] {
            let plaintext = pattern(len);
            let mut writer = seal_writer(Vec::new(), &key);
            for piece in plaintext.chunks(piece_len) {
                writer.write_all(piece).await.unwrap();
            }
            assert_eq!(writer.write(b"").await.unwrap(), 0);
            let message = writer.finish().await.unwrap();

            let reader = AsyncUnsealReader::new(message.as_slice(), &unwrapper, &[]);
            let mut reader = reader.await.unwrap();
            let mut found = Vec::new();
            let mut piece = vec![0; piece_len];
            loop {
                match reader.read(&mut piece).await.unwrap() {
                    0 => break,
                    len => found.extend_from_slice(&piece[..len]),
                }
            }
            assert!(found == plaintext);
            assert_eq!(
                reader.read(&mut piece).await.unwrap(),
                0,
                "the end stays the end"
            );
        }
    }
}

#[tokio::test]
async fn the_inner_ones_may_give_a_byte_at_a_time_and_wait_in_between() {
    let key = public_key("rsa-2048");
    for len in LENGTHS {
        let plaintext = pattern(len);
        let mut writer = seal_writer(Jerky::byte_by_byte(Vec::new()), &key);
        writer.write_all(&plaintext).await.unwrap();
        let message = writer.finish().await.unwrap().inner;
        assert!(opened(&message).unwrap() == plaintext);

        let unwrapper = local_unwrapper("rsa-2048");
        let inner = Jerky::byte_by_byte(message.as_slice());
        let mut reader = AsyncUnsealReader::new(inner, unwrapper, &[]).await.unwrap();
        let mut found = Vec::new();
        reader.read_to_end(&mut found).await.unwrap();
        assert!(found == plaintext);
    }
}

#[tokio::test]
async fn copies_through_a_pipe_between_tasks() {
    let plaintext = pattern(1_000_000);
    let (near, far) = tokio::io::duplex(10_000);
    let source = plaintext.clone();
    let sealing = tokio::spawn(async move {
        let mut writer = seal_writer(near, &public_key("rsa-2048"));
        tokio::io::copy(&mut source.as_slice(), &mut writer).await?;
        writer.shutdown().await
    });
    let unwrapper = local_unwrapper("rsa-2048");
    let unsealing = tokio::spawn(async move {
        let mut reader = AsyncUnsealReader::new(far, unwrapper, &[]).await?;
        let mut found = Vec::new();
        reader.read_to_end(&mut found).await?;
        Ok::<_, io::Error>(found)
    });
    sealing.await.unwrap().unwrap();
    assert!(unsealing.await.unwrap().unwrap() == plaintext);
}

#[tokio::test]
async fn a_blocking_reader_opens_what_an_asynchronous_writer_sealed_and_the_other_way_round() {
    let plaintext = pattern(600_000);
    let mut writer = seal_writer(Vec::new(), &public_key("rsa-2048"));
    writer.write_all(&plaintext).await.unwrap();
    let message = writer.finish().await.unwrap();
    let unwrapper = local_unwrapper("rsa-2048");
    let mut reader = UnsealReader::new(message.as_slice(), &unwrapper, &[]).unwrap();
    let mut found = Vec::new();
    reader.read_to_end(&mut found).unwrap();
    assert!(found == plaintext);

    let message = seal(&[("device", "42")], &plaintext);
    let required = [("device", Some("42"))];
    let reader = AsyncUnsealReader::new(message.as_slice(), &unwrapper, &required);
    let mut reader = reader.await.unwrap();
    let context: Vec<_> = reader.header().unwrap().context().collect();
    assert_eq!(context, [("device", "42")]);
    let mut found = Vec::new();
    AsyncReadExt::read_to_end(&mut reader, &mut found)
        .await
        .unwrap();
    assert!(found == plaintext);

    let required = [("device", Some("43"))];
    let refused = AsyncUnsealReader::new(message.as_slice(), &unwrapper, &required).await;
    assert_eq!(own_kind(refused.unwrap_err()), ErrorKind::ContextMismatch);
}

/// As one who tries again when the inner one has failed, and drops every future that waits.
fn insist<T>(mut call: impl AsyncFnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match until_ready(&mut call) {
            Err(error) if error.to_string() == "unplugged" => {}
            result => return result,
        }
    }
}

#[test]
fn writes_that_were_dropped_or_failed_can_be_repeated_and_nothing_is_lost() {
    let plaintext = pattern(600_000);
    let plan = [Call::Pending, Call::Pass(7000), Call::Fail];
    for piece_len in [1000, 40_000, 300_000] {
        let mut message = Vec::new();
        let inner = Jerky::new(&mut message, &plan);
        let mut writer = seal_writer(inner, &public_key("rsa-2048"));
        for piece in plaintext.chunks(piece_len) {
            let mut unwritten = piece;
            while !unwritten.is_empty() {
                let taken = insist(async || writer.write(unwritten).await).unwrap();
                unwritten = &unwritten[taken..];
            }
            if piece_len > 1000 {
                insist(async || writer.flush().await).unwrap();
            }
        }
        insist(async || writer.shutdown().await).unwrap();
        drop(writer);
        assert!(opened(&message).unwrap() == plaintext);
    }
}

#[test]
fn a_message_does_not_end_after_a_write_that_was_dropped() {
    let key = public_key("rsa-2048");
    let mut writer = seal_writer(Jerky::new(Vec::new(), &[Call::Pending]), &key);
    assert!(poll_once(writer.write(b"21.5 C")).is_none());
    let error = poll_once(writer.shutdown()).unwrap().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("a write failed and was not repeated"),
        "{error}"
    );
    let error = poll_once(writer.finish()).unwrap().err().unwrap();
    assert_eq!(own_kind(error), ErrorKind::InvalidState);
}

#[tokio::test]
async fn a_writer_that_fails_anywhere_leaves_no_whole_message() {
    let key = public_key("rsa-2048");
    let plaintext = pattern(20_000);
    let whole_len = seal(&[], &plaintext).len();
    for room in (0..whole_len).step_by(97).chain([whole_len - 1]) {
        let mut message = vec![0; room];
        let mut writer = seal_writer(Cursor::new(message.as_mut_slice()), &key);
        let written = writer.write_all(&plaintext).await;
        let ended = match written {
            Ok(()) => writer.finish().await.map(|_| ()),
            Err(_) => written,
        };
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::WriteZero);
        assert!(opened(&message).is_err());
    }
}

#[tokio::test]
async fn a_writer_that_is_dropped_leaves_a_truncated_message() {
    let mut message = Vec::new();
    let mut writer = seal_writer(&mut message, &public_key("rsa-2048"));
    writer.write_all(&pattern(1000)).await.unwrap();
    writer.flush().await.unwrap();
    drop(writer);
    let header_len = Header::parse(&message).unwrap().len();
    assert_eq!(message.len(), header_len + 56 + 1000);
    assert_eq!(
        opened(&message).unwrap_err().kind(),
        ErrorKind::EndNotAuthentic
    );
}

#[tokio::test]
async fn a_shutdown_ends_the_message() {
    let mut writer = seal_writer(Vec::new(), &public_key("rsa-2048"));
    writer.write_all(b"21.5 C").await.unwrap();
    writer.shutdown().await.unwrap();
    writer.shutdown().await.unwrap();
    writer.flush().await.unwrap();
    let late = writer.write(b"21.7 C").await.unwrap_err();
    assert_eq!(own_kind(late), ErrorKind::InvalidState);
    let message = writer.finish().await.unwrap();
    assert_eq!(opened(&message).unwrap(), b"21.5 C");
}

#[test]
fn reads_that_were_dropped_or_failed_can_be_repeated_and_nothing_is_lost() {
    let plaintext = pattern(600_000);
    let message = seal(&[], &plaintext);
    let header = Header::parse(&message).unwrap();
    let data_key = data_key_of(&message, "rsa-2048");
    let plan = [Call::Fail, Call::Pass(7000), Call::Pending];
    for piece_len in [1000, 300_000] {
        let rest = Jerky::new(&message[header.len()..], &plan);
        let reader = AsyncUnsealReader::with_key(rest, header.clone(), data_key.into());
        let mut reader = reader.unwrap();
        let mut found = Vec::new();
        let mut piece = vec![0; piece_len];
        loop {
            match insist(async || reader.read(&mut piece).await).unwrap() {
                0 => break,
                len => found.extend_from_slice(&piece[..len]),
            }
        }
        assert!(found == plaintext);
    }
}

#[test]
fn a_read_that_is_not_ready_has_released_nothing() {
    let message = seal(&[], &pattern(20_000));
    let header = Header::parse(&message).unwrap();
    let data_key = data_key_of(&message, "rsa-2048");
    let rest = Jerky::byte_by_byte(&message[header.len()..]);
    let mut reader = AsyncUnsealReader::with_key(rest, header, data_key.into()).unwrap();
    let mut out = [0; 100];
    let mut waits = 0;
    while poll_once(reader.read(&mut out)).is_none() {
        assert_eq!(out, [0; 100]);
        waits += 1;
    }
    assert!(waits > 16384, "{waits}");
    assert_eq!(out, pattern(100).as_slice());
}

#[tokio::test]
async fn an_inner_reader_that_fails_is_not_an_end() {
    let vector = Vector::accepted("length_16385");
    let unwrapper = local_unwrapper("rsa-2048");
    for calls in 0..40 {
        let mut plan = vec![Call::Pass(500); calls];
        plan.insert(0, Call::Fail);
        let inner = Jerky::new(vector.message.as_slice(), &plan);
        let read = async {
            let mut reader = AsyncUnsealReader::new(inner, &unwrapper, &[]).await?;
            reader.read_to_end(&mut Vec::new()).await
        };
        match read.await {
            Ok(len) => assert_eq!((len, calls > 33), (16385, true)),
            Err(error) => assert_eq!(error.to_string(), "unplugged"),
        }
    }
}

#[tokio::test]
async fn what_is_cut_or_altered_ends_in_an_error() {
    let plaintext = pattern(200_001);
    let whole = seal(&[], &plaintext);
    let altered = |place: usize| {
        let mut message = whole.clone();
        message[place] ^= 1;
        message
    };
    for (message, expected) in [
        (
            whole[..whole.len() - 1].to_vec(),
            ErrorKind::EndNotAuthentic,
        ),
        ([&whole[..], b"?"].concat(), ErrorKind::EndNotAuthentic),
        (altered(whole.len() - 1), ErrorKind::EndNotAuthentic),
        (
            altered(whole.len() - 20_000),
            ErrorKind::AuthenticationFailed,
        ),
    ] {
        let inner = Jerky::new(message.as_slice(), &[Call::Pending, Call::Pass(5000)]);
        let unwrapper = local_unwrapper("rsa-2048");
        let mut reader = AsyncUnsealReader::new(inner, unwrapper, &[]).await.unwrap();
        let mut found = Vec::new();
        let error = reader.read_to_end(&mut found).await.unwrap_err();
        assert_eq!(own_kind(error), expected);
        assert_eq!(found, plaintext[..found.len()], "authentic so far");
        for _ in 0..2 {
            let again = reader.read(&mut [0; 100]).await.unwrap_err();
            assert_eq!(own_kind(again), ErrorKind::InvalidState);
        }
    }

    let unwrapper = local_unwrapper("rsa-2048");
    for (message, expected) in [
        (&b""[..], ErrorKind::EmptyMessage),
        (b"plain text", ErrorKind::NotSealed),
        (&whole[..100], ErrorKind::Truncated),
        (&altered(200), ErrorKind::AuthenticationFailed),
    ] {
        let refused = AsyncUnsealReader::new(message, &unwrapper, &[]).await;
        let kind = own_kind(refused.unwrap_err());
        assert!(
            kind == expected || kind == ErrorKind::UnwrapFailed,
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn a_reader_seeks_and_knows_the_length() {
    let plaintext = pattern(100_000);
    let message = [b"before", seal(&[], &plaintext).as_slice()].concat();
    let mut file = Cursor::new(message);
    file.set_position(6);
    let inner = Jerky::new(file, &[Call::Pending, Call::Pass(usize::MAX)]);
    let unwrapper = local_unwrapper("rsa-2048");
    let mut reader = AsyncUnsealReader::new(inner, unwrapper, &[]).await.unwrap();
    assert_eq!(reader.plaintext_len().await.unwrap(), 100_000);
    reader.seek(io::SeekFrom::End(-1000)).await.unwrap();
    let mut found = Vec::new();
    reader.read_to_end(&mut found).await.unwrap();
    assert!(found == plaintext[99_000..]);

    let error = reader.seek(io::SeekFrom::End(-100_001)).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    reader.rewind().await.unwrap();
    found.clear();
    reader.read_to_end(&mut found).await.unwrap();
    assert!(found == plaintext);
}

/// Reads all that comes, with futures that are dropped whenever they wait.
fn read_on<R: AsyncRead + Unpin>(reader: &mut AsyncUnsealReader<R>) -> Vec<u8> {
    let (mut found, mut piece) = (Vec::new(), vec![0; 5000]);
    loop {
        match until_ready(async || reader.read(&mut piece).await).unwrap() {
            0 => return found,
            len => found.extend_from_slice(&piece[..len]),
        }
    }
}

#[test]
fn a_seek_whose_future_was_dropped_is_carried_out_and_a_length_is_found_again() {
    let plaintext = pattern(100_000);
    let message = seal(&[], &plaintext);
    let header = Header::parse(&message).unwrap();
    let data_key = data_key_of(&message, "rsa-2048");
    let reader = || {
        let mut file = Cursor::new(&message);
        file.set_position(header.len() as u64);
        let inner = Jerky::new(file, &[Call::Pass(7000), Call::Pending]);
        AsyncUnsealReader::with_key(inner, header.clone(), data_key.into()).unwrap()
    };
    let mut dropped = 0;
    for polls in 1..30 {
        let mut seeking = reader();
        let sought = poll_times(polls, seeking.seek(io::SeekFrom::Start(50_000)));
        dropped += usize::from(sought.is_none());
        assert!(read_on(&mut seeking) == plaintext[50_000..]);

        let mut measuring = reader();
        let len = poll_times(polls, measuring.plaintext_len());
        assert!(len.is_none_or(|len| len.unwrap() == 100_000));
        assert!(read_on(&mut measuring) == plaintext);
        let len = until_ready(async || measuring.plaintext_len().await);
        assert_eq!(len.unwrap(), 100_000);
    }
    assert!((3..29).contains(&dropped), "{dropped}");
}

#[tokio::test]
async fn a_seek_does_not_trust_an_end_that_is_cut() {
    let message = seal(&[], &pattern(100_000));
    let cut = Cursor::new(&message[..message.len() - 1]);
    let unwrapper = local_unwrapper("rsa-2048");
    let mut reader = AsyncUnsealReader::new(cut, unwrapper, &[]).await.unwrap();
    let error = reader.seek(io::SeekFrom::Start(10)).await.unwrap_err();
    assert_eq!(own_kind(error), ErrorKind::EndNotAuthentic);
}
