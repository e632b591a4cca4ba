//! The macros of the statuses: the error kinds of the core, and what only the C library has.

use libseal::ErrorKind;

use crate::own_status::OWN_STATUSES;

/// The longest line of a header.
const LINE_LEN: usize = 100;
/// Below this number, a status is not an error.
const FIRST_ERROR: u32 = 100;

/// Every status in the order of the numbers, each with its text as the comment.
pub(crate) fn macros() -> String {
    let kinds = ErrorKind::ALL.iter();
    let kinds = kinds.map(|kind| (kind.code(), kind.name(), kind.message()));
    let mut statuses: Vec<_> = OWN_STATUSES.iter().copied().chain(kinds).collect();
    statuses.sort_unstable();
    let macros = statuses.into_iter().map(|(number, name, text)| {
        let prefix = if number < FIRST_ERROR { "" } else { "ERR_" };
        let comment = comment(&sentence(text));
        format!("{comment}#define LIBSEAL_{prefix}{name} {number}\n\n")
    });
    macros.collect()
}

fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(rest).chain(['.']).collect()
}

fn comment(sentence: &str) -> String {
    let comment = format!("/** {sentence} */\n");
    if comment.len() <= LINE_LEN {
        return comment;
    }
    let mut comment = String::from("/**\n *");
    let mut line_len = 2;
    for word in sentence.split(' ') {
        if line_len + 1 + word.len() > LINE_LEN {
            comment += "\n *";
            line_len = 2;
        }
        comment.push(' ');
        comment += word;
        line_len += 1 + word.len();
    }
    comment + "\n */\n"
}
