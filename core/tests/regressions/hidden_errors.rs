//! A `BufWriter` that is dropped hides its error. The message that lacks what it held must not end.

use std::{
    cell::Cell,
    io::{self, BufWriter, Write},
    rc::Rc,
};

use libseal::{Envelope, Error, ErrorKind, Recipient, SealWriter, unseal};

use crate::common::{local_unwrapper, public_key};

/// Fails as often as it is told.
struct Target {
    content: Vec<u8>,
    failures: Rc<Cell<usize>>,
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failures.get() > 0 {
            self.failures.set(self.failures.get() - 1);
            return Err(io::Error::other("full for a moment"));
        }
        self.content.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn begin() -> (SealWriter<Target>, Rc<Cell<usize>>) {
    let failures = Rc::new(Cell::new(0));
    let target = Target {
        content: Vec::new(),
        failures: Rc::clone(&failures),
    };
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let writer = SealWriter::new(target, &Envelope::new(&recipients)).unwrap();
    (writer, failures)
}

#[test]
fn a_wrapper_that_loses_what_it_holds_leaves_no_whole_message() {
    let (mut writer, failures) = begin();
    let mut wrapper = BufWriter::new(&mut writer);
    wrapper.write_all(b"lost").unwrap();
    failures.set(1);
    drop(wrapper);
    // An empty write repeats nothing.
    assert_eq!(writer.write(b"").unwrap(), 0);
    let error = writer.finish().err().unwrap();
    let error = error.get_ref().unwrap().downcast_ref::<Error>().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
}

#[test]
fn a_wrapper_that_tries_again_loses_nothing() {
    let (mut writer, failures) = begin();
    let mut wrapper = BufWriter::new(&mut writer);
    wrapper.write_all(b"data").unwrap();
    failures.set(1);
    wrapper.flush().unwrap_err();
    wrapper.flush().unwrap();
    drop(wrapper);
    let message = writer.finish().unwrap().content;
    let plaintext = unseal(&message, local_unwrapper("rsa-2048"), &[]).unwrap();
    assert_eq!(plaintext, b"data");
}
