"""libseal for Conan 2: builds the C library from the sources beside this file, with Rust.

conan create . [-o libseal/*:shared=True]
"""

import os
import re
import shutil
from pathlib import Path

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import cross_building
from conan.tools.files import copy

required_conan_version = ">=2.0"


class LibsealConan(ConanFile):
    name = "libseal"
    version = "@VERSION@"
    description = "Seal data offline with a public RSA key"
    license = "MIT OR Apache-2.0"
    topics = ("encryption", "kms", "rsa")
    package_type = "library"
    # What Rust compiled is the same for every C compiler, and always optimised.
    settings = "os", "arch"
    options = {"shared": [True, False]}
    default_options = {"shared": False}
    exports_sources = "sources/*"

    def validate_build(self):
        if self.settings.os != "Linux" or cross_building(self):
            raise ConanInvalidConfiguration(
                "this recipe builds for the Linux that it runs on; for other machines take an archive"
                " of `make dist-c TARGET=...` in libseal's sources"
            )
        if not shutil.which("cargo"):
            raise ConanInvalidConfiguration("Rust is missing: install cargo 1.89 or later")

    def build(self):
        sources = Path(self.source_folder, "sources")
        built = Path(os.environ.get("CARGO_TARGET_DIR") or sources / "target").absolute()
        self.run("cargo build --locked --release -p libseal-c", cwd=sources)
        # The folder that is installed. Rust's own symbols would clash with those of other Rust libraries.
        library = Path(self.build_folder, "library")
        library.mkdir(exist_ok=True)
        self.run(
            f'ffi-c/hide_symbols.sh "{built}/release/libseal.a" "{library}/libseal.a"',
            cwd=sources,
        )
        if self.options.shared:
            copy(self, "libseal.so", built / "release", library)

    def package(self):
        sources = Path(self.source_folder, "sources")
        self.run(
            f'ffi-c/package/install.sh "{self.build_folder}/library" {self.version} ""'
            f' "" "{self.package_folder}" lib',
            cwd=sources,
        )
        copy(self, "LICENSE-*", sources, Path(self.package_folder, "licenses"))

    def package_info(self):
        self.cpp_info.libs = ["seal"]
        if not self.options.shared:
            pkg_config = Path(self.package_folder, "lib/pkgconfig/libseal.pc").read_text()
            private = re.search(r"^Libs\.private: (.*)$", pkg_config, re.MULTILINE)
            self.cpp_info.system_libs = re.findall(r"-l(\S+)", private[1])
