"""What of libseal.a is in an image: read from the linker's map."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.firmware.program import Program, binutils, library, run

# A function belongs to the first part that its path begins like; a constant to that of its users.
PARTS = {
    "RSA-OAEP": r"libseal::crypto::(shared::(oaep|rsaep)|compact::oaep_encrypt)",
    "AES-256-GCM": r"libseal::crypto::(shared::(gcm|xor)|compact::(aes_|ghash))",
    "SHA-2, HMAC, HKDF": r"libseal::crypto::shared::hash|(block_buffer|digest|hmac|sha2)::",
    "public keys": r"libseal::recipient::(der|der_kind|public_key)::",
    "self-test": r"libseal::self_test|libseal_self_test",
    "messages": r"libseal::",
    "texts of statuses": r"seal::status|libseal_status",
    "C boundary": r"seal::|libseal_",
    "Rust's core": r"(core|subtle|zeroize)::",
}
OTHER = "other"


@dataclass(frozen=True)
class Section:
    """What the linker took from a section of a file."""

    name: str
    length: int
    file: str

    @property
    def is_of_libseal(self) -> bool:
        return self.file == "libseal.a(libseal.o)"

    @property
    def is_of_compiler(self) -> bool:
        """Of the C library or of the compiler's own."""
        return re.match(r"lib(c|g|c_nano|g_nano|gcc)\.a\(", self.file) is not None

    @property
    def in_flash(self) -> bool:
        return self.name.startswith((".text", ".rodata", ".srodata", ".ARM.exidx"))

    @property
    def in_ram(self) -> bool:
        return self.name.startswith((".data", ".sdata", ".bss", ".sbss", "COMMON"))


def sections(program: Program) -> Iterator[Section]:
    """Everything in the image."""
    text = program.image.with_suffix(".map").read_text()
    text = text.partition("\nLinker script and memory map\n")[2]
    line = r"^ (\.?\w\S*)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S.*)$"
    for name, length, file in re.findall(line, text, re.MULTILINE):
        if int(length, 16) > 0:
            yield Section(name, int(length, 16), Path(file).name)


def by_part(program: Program) -> Counter[str]:
    """Bytes of flash that libseal.a takes."""
    users = users_of_symbols(program)
    parts: Counter[str] = Counter()
    for section in sections(program):
        if section.is_of_libseal and section.in_flash:
            symbol = symbol_of(section.name)
            found = {part(user) for user in ([symbol] if is_function(section) else users[symbol])}
            parts[found.pop() if len(found) == 1 else OTHER] += section.length
    return parts


def is_function(section: Section) -> bool:
    return not section.name.startswith((".rodata", ".srodata")) or "._R" in section.name


def symbol_of(section: str) -> str:
    return re.sub(r"^(\.rel|\.rela)?(\.ARM\.exidx)?\.(text|s?rodata)\.(unlikely\.)?", "", section)


def users_of_symbols(program: Program) -> dict[str, set[str]]:
    """Which functions of libseal.a use a symbol, by its relocations."""
    users = defaultdict(set)
    user = ""
    relocations = run(f"{binutils(program.target)}objdump", "--reloc", library(program.target))
    for line in relocations.splitlines():
        if section := re.match(r"RELOCATION RECORDS FOR \[(.*)\]", line):
            user = symbol_of(section[1])
        elif relocation := re.match(r"[0-9a-f]{8} \S+ +([^+]+)", line):
            users[symbol_of(relocation[1])].add(user)
    return users


@cache
def part(symbol: str) -> str:
    path = run("c++filt", symbol).strip()
    path = re.sub(r"\[[0-9a-f]+\]", "", path)  # hashes of crates
    path = re.sub(r"^<(\w+ as )?", "", path)  # of `<Type>::method` and `<u32 as Trait>::method`
    return next((name for name, paths in PARTS.items() if re.match(paths, path)), OTHER)
