"""A public key as source code, and as the files that libseal reads."""

import re
from base64 import b64encode
from typing import Final, Literal, TypeAlias

from .._libseal import PublicKey
from ._bundle import KeyBundle, rfc3339

__all__ = ["Form", "export_key"]

# stubtest takes a Literal of several values for a Union.
Form: TypeAlias = (
    Literal["der"]  # noqa: PYI030
    | Literal["pem"]
    | Literal["c-header"]
    | Literal["rust"]
    | Literal["json"]
    | Literal["recipients"]
)
"""What a public key can be exported as."""

FORMS: Final = ("der", "pem", "c-header", "rust", "json", "recipients")

_PEM_WIDTH: Final = 64
_BYTES_PER_LINE: Final = 12


def export_key(bundle: KeyBundle, form: Form, *, name: str | None = None) -> bytes:
    """Return the public key in another form, ready to be written to a file.

    - ``"der"``, ``"pem"``: the key alone.
    - ``"json"``: ``bundle.to_json()``. The only form whose not-after is looked at when it is read.
    - ``"recipients"``: a line of a recipients file, with comments above it.
    - ``"c-header"``: for C99 and C++: the arrays ``NAME_der`` and ``NAME_fingerprint``.
    - ``"rust"``: the constants ``NAME_DER`` and ``NAME_FINGERPRINT``.

    ``name`` is for C and Rust; without it, it is that of the alias. What cannot be in an identifier
    becomes an underscore.
    """
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, not {form!r}")
    if name is not None and form not in {"c-header", "rust"}:
        raise ValueError(f"name is for c-header and rust, and {form} has no use for it")
    if form in {"der", "pem"} and bundle.not_after is not None:
        raise ValueError(f"{form} holds a key and nothing else, so no not-after: export as json")
    if form == "der":
        return bundle.public_key.der
    if form == "c-header":
        text = _c_header(bundle, _identifier(name, bundle))
    elif form == "rust":
        text = _rust(bundle, _identifier(name, bundle).upper())
    elif form == "pem":
        text = pem_of(bundle.public_key)
    else:
        text = bundle.to_json() if form == "json" else _recipients(bundle)
    return text.encode()


def _identifier(name: str | None, bundle: KeyBundle) -> str:
    """A name for C, C++ and Rust. Nothing that they reserve: no two underscores, none at an end."""
    given = bundle.alias.removeprefix("alias/") if name is None else name
    cleaned = re.sub(r"[^A-Za-z0-9]+", "_", given).strip("_").lower()
    if name is not None and not cleaned:
        raise ValueError(f"name must have a letter or a digit, and {name!r} has none")
    cleaned = cleaned or "libseal_key"
    return f"key_{cleaned}" if cleaned[0].isdigit() else cleaned


def _facts(bundle: KeyBundle) -> list[str]:
    facts = [
        f"KMS key:     {_plain(bundle.arn)}",
        f"alias:       {_plain(bundle.alias) or 'none'}",
        f"spec:        {bundle.spec}",
        f"fingerprint: {bundle.fingerprint.hex()}",
        f"created:     {rfc3339(bundle.created)}",
    ]
    if bundle.not_after is not None:
        facts.append(f"not after:   {rfc3339(bundle.not_after)} (not checked in this form)")
    return facts


def _plain(text: str) -> str:
    """What can neither end a comment nor go on in the next line: a bundle may hold anything."""
    return re.sub(r"[^A-Za-z0-9/_:.@=+-]", "?", text)


def pem_of(key: PublicKey) -> str:
    """The key in PEM, as openssl writes it."""
    text = b64encode(key.der).decode()
    lines = [text[start : start + _PEM_WIDTH] for start in range(0, len(text), _PEM_WIDTH)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


def _recipients(bundle: KeyBundle) -> str:
    comments = [f"# {fact}" for fact in _facts(bundle)]
    key_id = _plain(bundle.alias or bundle.arn)
    return "\n".join([*comments, f"{key_id} {b64encode(bundle.public_key.der).decode()}", ""])


def _array(data: bytes) -> str:
    lines = [
        "    " + ", ".join(f"0x{byte:02x}" for byte in data[start : start + _BYTES_PER_LINE]) + ","
        for start in range(0, len(data), _BYTES_PER_LINE)
    ]
    return "\n".join(lines)


def _c_header(bundle: KeyBundle, name: str) -> str:
    guard = f"LIBSEAL_KEY_{name.upper()}_H"
    facts = "\n".join(f" *   {fact}" for fact in _facts(bundle))
    return f"""\
/*
 * The public key of a KMS key, to seal for it. Public: keep it from being changed, not from
 * being read. Made by: libseal keys export --c-header
 *
{facts}
 *
 * Load the key with its pin, so that one that was changed on its way to the device is refused:
 *
 *   libseal_rsa_public_key key;
 *   libseal_status status = libseal_rsa_public_key_init_pinned(
 *       &key, sizeof key, {name}_der, sizeof {name}_der, {name}_fingerprint);
 */
#ifndef {guard}
#define {guard}

#include <stdint.h>

/* The SubjectPublicKeyInfo in DER. */
static const uint8_t {name}_der[{len(bundle.public_key.der)}] = {{
{_array(bundle.public_key.der)}
}};

/* SHA-256 of {name}_der. */
static const uint8_t {name}_fingerprint[32] = {{
{_array(bundle.fingerprint)}
}};

#endif
"""


def _rust(bundle: KeyBundle, name: str) -> str:
    facts = "\n".join(f"//   {fact}" for fact in _facts(bundle))
    return f"""\
// The public key of a KMS key, to seal for it. Made by: libseal keys export --rust
//
{facts}
//
// Load the key with its pin, so that one that was changed is refused:
//
//   let key = libseal::PublicKey::pinned(&{name}_DER, &{name}_FINGERPRINT)?;

/// The SubjectPublicKeyInfo in DER.
#[rustfmt::skip]
pub const {name}_DER: [u8; {len(bundle.public_key.der)}] = [
{_array(bundle.public_key.der)}
];

/// SHA-256 of the DER.
#[rustfmt::skip]
pub const {name}_FINGERPRINT: [u8; 32] = [
{_array(bundle.fingerprint)}
];
"""
