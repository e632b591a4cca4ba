# UNTESTED: no one has built an image with this recipe yet.
#
# It installs what `make dist-c` packs, which needs no Rust: so it also fits releases whose Rust is older than
# libseal's. Call it libseal_VERSION.bb, and put the archive for your machine into files/ beside it.

SUMMARY = "Seal data offline with a public RSA key"
DESCRIPTION = "Seals data on a device that has nothing but an RSA public key. Only the matching private key, \
which never leaves AWS KMS, can unseal it."
SECTION = "libs"
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = "file://share/doc/libseal/LICENSE-MIT;md5=3c31d228420a99034d8e6008bfd41824 \
                    file://share/doc/libseal/LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57"

SRC_URI = "file://libseal-c-${PV}-${LIBSEAL_TARGET}.tar.gz"

UNPACKDIR ??= "${WORKDIR}"
S = "${UNPACKDIR}/libseal-c-${PV}-${LIBSEAL_TARGET}"

# The target of `make dist-c TARGET=`. 32-bit ARM is ARMv7 with hard float.
LIBSEAL_TARGET = ""
LIBSEAL_TARGET:x86-64:libc-glibc = "x86_64-unknown-linux-gnu"
LIBSEAL_TARGET:x86-64:libc-musl = "x86_64-unknown-linux-musl"
LIBSEAL_TARGET:aarch64:libc-glibc = "aarch64-unknown-linux-gnu"
LIBSEAL_TARGET:aarch64:libc-musl = "aarch64-unknown-linux-musl"
LIBSEAL_TARGET:arm:libc-glibc = "armv7-unknown-linux-gnueabihf"
LIBSEAL_TARGET:arm:libc-musl = "armv7-unknown-linux-musleabihf"

python () {
    if not d.getVar("LIBSEAL_TARGET"):
        raise bb.parse.SkipRecipe("there is no archive of libseal for this machine")
    features = (d.getVar("TUNE_FEATURES") or "").split()
    if d.getVar("TARGET_ARCH") == "arm" and "callconvention-hard" not in features:
        raise bb.parse.SkipRecipe("libseal for 32-bit ARM needs hard float")
}

do_configure[noexec] = "1"
do_compile[noexec] = "1"

# The files for CMake and pkg-config find the rest from where they stand.
do_install() {
    install -d ${D}${includedir} ${D}${libdir}
    cp -R --no-dereference --preserve=mode,links ${S}/include/. ${D}${includedir}
    cp -R --no-dereference --preserve=mode,links ${S}/lib/. ${D}${libdir}
}

INSANE_SKIP:${PN} += "already-stripped ldflags"
