"""Unwraps a data key with a private key in a file: a COMMAND for the examples that unseal.

python tests/interop/unwrap.py PRIVATE_KEY_PEM < WRAPPED_KEY > DATA_KEY
"""

import os
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

HASHES = {"RSAES_OAEP_SHA_256": hashes.SHA256(), "RSAES_OAEP_SHA_1": hashes.SHA1()}

algorithm = HASHES[os.environ["LIBSEAL_ALGORITHM"]]
private_key = load_pem_private_key(Path(sys.argv[1]).read_bytes(), password=None)
assert isinstance(private_key, rsa.RSAPrivateKey)
oaep = padding.OAEP(padding.MGF1(algorithm), algorithm, label=None)
sys.stdout.buffer.write(private_key.decrypt(sys.stdin.buffer.read(), oaep))
