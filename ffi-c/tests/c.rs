//! The tests in C (`tests/c`): plain, with sanitizers, under valgrind.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this is a test, helpers included"
)]

#[path = "../soname.rs"]
mod soname;
mod toolchain;

use std::{
    fs, iter,
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, Mutex},
    thread,
};

use soname::soname;
use toolchain::{
    FIRMWARE_LIBRARY, LIBRARY, c_compiler, cpp_compiler, is_installed, root, scratch,
    static_link_libs, succeed,
};

/// A library, and the programs that test it.
struct Subject {
    name: &'static str,
    programs: &'static [&'static str],
    /// What the programs have in common.
    sources: &'static [&'static str],
    library: &'static Path,
    libs: Vec<String>,
}

fn complete() -> Subject {
    Subject {
        name: "complete",
        programs: &[
            "regressions/a_cut_reads_like_a_wrong_key",
            "regressions/age_while_asleep",
            "regressions/errors_without_words",
            "regressions/handle_states",
            "regressions/key_asked_for_without_room",
            "regressions/key_forms",
            "regressions/need_key_for_ever",
            "regressions/sealing_in_a_forked_child",
            "regressions/unrepeated_write",
            "test_keys",
            "test_pool",
            "test_random",
            "test_random_access",
            "test_reader",
            "test_rewrap",
            "test_round_trip",
            "test_salvage",
            "test_sealing",
            "test_sealing_key",
            "test_structs",
            "test_unsealing",
            "test_vectors",
            "test_writer",
        ],
        sources: &["support.c", "unseal.c", "complete.c"],
        library: &LIBRARY,
        libs: static_link_libs(),
    }
}

/// The library for firmware, with programs that test the complete one too. What it seals, the complete
/// one has to unseal.
fn firmware() -> Subject {
    Subject {
        name: "firmware",
        programs: &[
            "regressions/handle_states",
            "regressions/key_forms",
            "test_keys",
            "test_random",
            "test_sealing",
            "test_sealing_key",
            "test_structs",
        ],
        sources: &["support.c", "firmware.c"],
        library: &FIRMWARE_LIBRARY,
        libs: Vec::new(),
    }
}

impl Subject {
    /// Compiles what the programs have in common.
    fn compile_common<'a>(&'a self, manner: &str, flags: &'a [&'a str]) -> Common<'a> {
        let folder = scratch(&format!("{manner}-{}", self.name));
        let objects = self.sources.iter().map(|source| {
            let object = folder.join(source).with_extension("o");
            let mut compiler = compiler(flags);
            succeed(
                compiler
                    .arg("-c")
                    .arg("-o")
                    .arg(&object)
                    .arg(in_tests(source)),
            );
            object
        });
        Common {
            subject: self,
            flags,
            objects: objects.collect(),
        }
    }

    /// Compiles and runs each program in a folder of its own, as many at once as there are processors.
    fn test(&self, manner: &str, flags: &[&str], command: impl Fn(PathBuf) -> Command + Sync) {
        let common = self.compile_common(manner, flags);
        let test = |program: &str| {
            let folder = format!("{manner}-{}-{program}", self.name);
            let folder = scratch(&folder.replace('/', "-"));
            let executable = common.compile(program, &folder);
            run(&mut command(executable), &folder);
            self.unseal_written(program, &folder);
        };
        let programs = Mutex::new(self.programs.iter());
        let next = || programs.lock().unwrap().next();
        let at_once = thread::available_parallelism().unwrap().get();
        thread::scope(|scope| {
            for _ in 0..at_once {
                scope.spawn(|| iter::from_fn(next).for_each(|program| test(program)));
            }
        });
    }

    fn unseal_written(&self, program: &str, folder: &Path) {
        let list = folder.join("messages");
        let is_about_keys = ["test_keys", "regressions/key_forms"].contains(&program);
        let seals = self.name == "firmware" && !is_about_keys;
        assert_eq!(list.is_file(), seals, "{program}");
        if seals {
            let unsealed = run(&mut Command::new(&*UNSEAL_WRITTEN), folder);
            let messages = fs::read_to_string(list).unwrap();
            assert_eq!(unsealed, messages.lines().count());
        }
    }
}

/// Unseals with the complete library what another program wrote.
static UNSEAL_WRITTEN: LazyLock<PathBuf> = LazyLock::new(|| {
    let complete = complete();
    let common = complete.compile_common("unseal-written", &[]);
    common.compile("unseal_written", &scratch("unseal-written"))
});

/// What the programs have in common, compiled.
struct Common<'a> {
    subject: &'a Subject,
    flags: &'a [&'a str],
    objects: Vec<PathBuf>,
}

impl Common<'_> {
    fn compile(&self, program: &str, folder: &Path) -> PathBuf {
        let source = in_tests(program).with_extension("c");
        let executable = folder.join(source.file_stem().unwrap());
        succeed(
            compiler(self.flags)
                .arg("-o")
                .arg(&executable)
                .arg(source)
                .args(&self.objects)
                .arg(self.subject.library.join("libseal.a"))
                .args(&self.subject.libs),
        );
        executable
    }
}

fn compiler(flags: &[&str]) -> Command {
    let mut compiler = c_compiler();
    compiler.args(["-std=c99", "-g"]).args(flags);
    compiler.arg("-I").arg(in_tests(""));
    compiler
}

/// A file of the tests in C.
fn in_tests(name: &str) -> PathBuf {
    root().join("tests/c").join(name)
}

/// The last line of a test program counts: returns how many checks have passed.
#[track_caller]
fn run(command: &mut Command, folder: &Path) -> usize {
    let output = succeed(
        command
            .arg(root().join("tests/vectors"))
            .current_dir(folder),
    );
    let stdout = String::from_utf8(output.stdout).unwrap();
    let last = stdout.lines().last().unwrap_or_default();
    println!("{}: {last}", folder.file_name().unwrap().display());
    let passed = last.strip_suffix(" passed, 0 failed").expect(last);
    let passed = passed.parse().unwrap();
    assert!(passed > 0);
    passed
}

#[test]
fn complete_plain() {
    complete().test("plain", &[], Command::new);
}

#[test]
fn firmware_plain() {
    firmware().test("plain", &[], Command::new);
}

fn with_sanitizers(subject: &Subject) {
    let flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    subject.test("sanitized", &flags, |program| {
        let symbols = succeed(Command::new("nm").arg(&program));
        let symbols = String::from_utf8(symbols.stdout).unwrap();
        let program_has = |symbol| symbols.contains(symbol);
        assert!(program_has("__asan_init") && program_has("__ubsan_"));
        Command::new(program)
    });
}

#[test]
fn complete_with_sanitizers() {
    with_sanitizers(&complete());
}

#[test]
fn firmware_with_sanitizers() {
    with_sanitizers(&firmware());
}

/// The threads' queues are freed a while after the threads, by others or never, as crossbeam does.
const SUPPRESSIONS: &str = "\
{
   What threads leave to the next ones
   Memcheck:Leak
   match-leak-kinds: possible
   ...
   fun:*crossbeam_epoch*Collector*register*
}
";

fn under_valgrind(subject: &Subject) {
    if !is_installed("valgrind") {
        println!("skipped: valgrind is not installed");
        return;
    }
    let suppressions = scratch(&format!("suppressions-{}", subject.name)).join("threads.supp");
    fs::write(&suppressions, SUPPRESSIONS).unwrap();
    subject.test("valgrind", &[], |program| {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--quiet", "--error-exitcode=9", "--leak-check=full"]);
        valgrind.arg(format!("--suppressions={}", suppressions.display()));
        valgrind.arg(program);
        valgrind
    });
}

#[test]
fn complete_under_valgrind() {
    under_valgrind(&complete());
}

#[test]
fn firmware_under_valgrind() {
    under_valgrind(&firmware());
}

/// Programs that look for secrets in memory, as neither sanitizers nor valgrind would let them. Without
/// LD_BIND_NOW, the first call of each function of the C library, also by itself, saves all registers on
/// the stack.
fn keeps_secrets(subject: &Subject, programs: &[&str]) {
    let common = subject.compile_common("secrets", &[]);
    for program in programs {
        let folder = scratch(&format!("secrets-{}-{program}", subject.name));
        let program = format!("regressions/{program}");
        let executable = common.compile(&program, &folder);
        run(Command::new(executable).env("LD_BIND_NOW", "1"), &folder);
    }
}

const OF_SEALING: [&str; 3] = [
    "random_in_part",
    "secrets_after_sealing",
    "secrets_in_the_output",
];

#[test]
fn complete_keeps_secrets() {
    let of_unsealing = ["secrets_after_unsealing"];
    keeps_secrets(&complete(), &[&OF_SEALING[..], &of_unsealing].concat());
}

#[test]
fn firmware_keeps_secrets() {
    keeps_secrets(&firmware(), &OF_SEALING);
}

#[test]
fn from_cpp() {
    let folder = scratch("cpp");
    let program = folder.join("smoke");
    succeed(
        cpp_compiler()
            .arg("-std=c++17")
            .arg("-o")
            .arg(&program)
            .arg(in_tests("smoke.cpp"))
            .arg(LIBRARY.join("libseal.a"))
            .args(static_link_libs()),
    );
    run(&mut Command::new(program), &folder);
}

/// As a C99 program that links the shared library.
#[test]
fn with_the_shared_library() {
    let folder = scratch("shared");
    let program = folder.join("test_keys");
    succeed(
        c_compiler()
            .arg("-std=c99")
            .arg("-o")
            .arg(&program)
            .arg(in_tests("test_keys.c"))
            .args(complete().sources.iter().map(|source| in_tests(source)))
            .arg("-L")
            .arg(&*LIBRARY)
            .arg("-Wl,-Bdynamic")
            .arg(LIBRARY.join("libseal.so")),
    );
    // The program asks for the name that stands for the ABI, not for the file it was linked with.
    let soname = soname(
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
    );
    std::os::unix::fs::symlink(LIBRARY.join("libseal.so"), folder.join(soname)).unwrap();
    run(
        Command::new(program).env("LD_LIBRARY_PATH", &folder),
        &folder,
    );
}
