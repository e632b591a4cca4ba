//! The macros of the statuses: the error kinds of the core, and what only the C library has.

use libseal::ErrorKind;

use crate::{own_status::OWN_STATUSES, section::LINE_LEN};

/// Below this number, a status is not an error.
const FIRST_ERROR: u32 = 100;

/// Every status in the order of the numbers, each with its text as the comment; in groups of a hundred.
pub(crate) fn macros() -> String {
    let kinds = ErrorKind::ALL.iter();
    let kinds = kinds.map(|kind| (kind.code(), kind.name(), kind.message()));
    let mut statuses: Vec<_> = OWN_STATUSES.iter().copied().chain(kinds).collect();
    statuses.sort_unstable();
    let mut macros = String::new();
    let mut last_group = 0;
    for (number, name, text) in statuses {
        let prefix = if number < FIRST_ERROR { "" } else { "ERR_" };
        let group = number / FIRST_ERROR;
        if group != last_group {
            macros.push('\n');
            last_group = group;
        }
        macros += &comment(&sentence(text));
        macros += &format!("#define LIBSEAL_{prefix}{name} {number}\n");
    }
    macros.push('\n');
    macros
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
