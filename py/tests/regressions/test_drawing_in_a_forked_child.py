"""A child waited forever for a lock of AWS-LC, which another thread of its parent held at the fork.

A generator is seeded under it, which takes longest the first time.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, threading
import libseal
from support import public_key

key = public_key()
is_over = False

def draw_in_new_threads():
    while not is_over:
        thread = threading.Thread(target=lambda: libseal.seal(key, b""))
        thread.start()
        thread.join()

threads = [threading.Thread(target=draw_in_new_threads) for _ in range(8)]
for thread in threads:
    thread.start()
codes = set()
for _ in range(60):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        libseal.seal(key, b"")
        os._exit(0)
    codes.add(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
is_over = True
for thread in threads:
    thread.join()
print(codes)
"""

# An application may draw in hooks of its own, which run before or after those of libseal.
HOOKS = """
import os
os.register_at_fork(after_in_child=lambda: libseal.SealingKey(public_key()))
import libseal
from support import public_key
os.register_at_fork(before=lambda: libseal.seal(public_key(), b""))
child = os.fork()
if child == 0:
    os._exit(0)
print({os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])})
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.parametrize("program", [PROGRAM, HOOKS])
def test_a_child_draws_random_bytes(program: str) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.stdout, done.stderr) == ("{0}\n", "")
