//! Forks wait until no thread draws random bytes.
//!
//! AWS-LC seeds a generator for each thread, under a lock for all of them. A child that was forked
//! while another thread held that lock would wait for it forever, as soon as it draws random bytes.
//!
//! Other locks are only held while attached to the interpreter. No thread is attached when another one forks:
//! it has the GIL or, in free-threaded Python, has stopped all others.

use std::{
    cell::RefCell,
    sync::{PoisonError, RwLock, RwLockWriteGuard},
};

use pyo3::{prelude::*, types::IntoPyDict};

/// Shared by the threads that draw. They do not wait for the interpreter meanwhile.
static DRAWING: RwLock<()> = RwLock::new(());

thread_local! {
    /// What a thread that forks holds until it has forked: the same thread in parent and child.
    static FORKING: RefCell<Option<RwLockWriteGuard<'static, ()>>> = const { RefCell::new(None) };
}

/// Runs what draws random bytes while detached from the interpreter. (While attached, no other thread
/// forks.)
pub(crate) fn draw<T>(draw: impl FnOnce() -> T) -> T {
    let is_forking = FORKING.with_borrow(Option::is_some);
    let _shared = (!is_forking).then(|| DRAWING.read().unwrap_or_else(PoisonError::into_inner));
    draw()
}

/// Waits detached: without a GIL, another thread that forks stops all threads that are attached, and holds
/// what this one waits for.
#[pyfunction]
fn before_fork(py: Python<'_>) {
    py.detach(|| {
        FORKING.set(Some(
            DRAWING.write().unwrap_or_else(PoisonError::into_inner),
        ));
    });
}

#[pyfunction]
fn after_fork() {
    FORKING.set(None);
}

/// Asks `os.fork` to call the two above.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? else {
        return Ok(()); // There are no forks here.
    };
    let before = wrap_pyfunction!(before_fork, module)?;
    let after = wrap_pyfunction!(after_fork, module)?;
    let hooks = [
        ("before", &before),
        ("after_in_parent", &after),
        ("after_in_child", &after),
    ];
    register.call((), Some(&hooks.into_py_dict(py)?))?;
    Ok(())
}
