//! What a writer needs of a context: its length and its order.

use super::{MAX_CONTEXT_LEN, check_key};
use crate::error::{Error, ErrorKind};

/// Length of the canonical form of `pairs`. Checks every rule on them.
pub(crate) fn encoded_len(pairs: &[(&str, &str)]) -> Result<usize, Error> {
    let mut len = 0;
    for (key, value) in pairs {
        len += 2 + key.len() + 2 + value.len();
        // Before the quadratic search for duplicates: it bounds the number of pairs.
        if len > MAX_CONTEXT_LEN {
            return Err(ErrorKind::ContextTooLong.into());
        }
        check_key(key)?;
    }
    if in_order(pairs).count() != pairs.len() {
        return Err(ErrorKind::ContextKeyDuplicate.into());
    }
    Ok(len)
}

/// The pairs by ascending key, each key once. Sorts by repeated selection because firmware has no
/// heap to sort in; contexts are a handful of pairs.
pub(crate) fn in_order<'p, 'a>(
    pairs: &'p [(&'a str, &'a str)],
) -> impl Iterator<Item = (&'a str, &'a str)> + 'p {
    // Less than any key: keys are not empty.
    let mut last = "";
    core::iter::from_fn(move || {
        let greater = pairs.iter().filter(|(key, _)| *key > last);
        let next = greater.min_by_key(|(key, _)| *key)?;
        last = next.0;
        Some(*next)
    })
}
