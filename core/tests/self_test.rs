//! Known answers, on the machine that runs the tests.

#[test]
fn this_machine_computes_as_it_should() {
    assert!(libseal::self_test().is_ok());
}
