"""Sub-interpreters would share the classes of the exceptions, and miss them."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
if {main_first}:
    import libseal
if sys.version_info >= (3, 14):
    from concurrent.interpreters import create
    run = create().exec
elif sys.version_info >= (3, 13):
    import _interpreters as interpreters
    run = lambda code: interpreters.run_string(interpreters.create("legacy"), code)
else:
    import _xxsubinterpreters as interpreters
    run = lambda code: interpreters.run_string(interpreters.create(isolated=False), code)
run('''
try:
    import libseal
except ImportError as error:
    print(error)
''')
import libseal
try:
    libseal.PublicKey(b"junk")
except libseal.SealError:
    print("caught")
"""


@pytest.mark.parametrize("main_first", [True, False])
def test_they_cannot_import_it(main_first: bool) -> None:
    program = PROGRAM.format(main_first=main_first)
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    refused, caught = done.stdout.splitlines()
    assert "sub-interpreter" in refused
    assert caught == "caught"
