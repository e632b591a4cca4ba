"""The command asks the KMS once for each data key, however many files there are."""

import sys
from pathlib import Path

from tests.measure.command import command


def test_requests_for_a_folder(tmp_path: Path) -> None:
    libseal = Path(sys.executable).with_name("libseal")
    requests = command.fleet_requests(libseal, tmp_path)
    assert requests == {"GetPublicKey": 1, "Decrypt": command.DEVICES}
