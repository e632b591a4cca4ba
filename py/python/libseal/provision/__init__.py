"""Keys in AWS KMS: making them, trying them out, handing out their public halves, rotating them.

>>> from libseal import provision
>>> kms = boto3.client("kms")
>>> key = provision.create_key(kms, "alias/telemetry")
>>> provision.check_key(kms, "alias/telemetry").ok
True
>>> bundle = provision.KeyBundle.from_kms(kms, "alias/telemetry")
>>> Path("telemetry.h").write_bytes(provision.export_key(bundle, "c-header"))

- ``create_key``, ``describe_key``, ``list_keys``: keys that can unseal, and why others cannot.
- ``check_key``: seals and unseals a probe, and names the permission that is missing.
- ``KeyBundle``, ``export_key``: the public key with its fingerprint, as JSON, PEM, C, Rust…
- ``read_recipients``, ``fetch_key``: the other way round, and verified.
- ``policy``, ``key_policy``: the permissions that sealing, unsealing and rewrapping take.
- ``rotate_key``: the next key.

The command ``libseal keys`` does the same. ``client`` is a boto3 client for the KMS, or a function
that makes one; nothing here imports boto3. What the KMS refuses is a ``KmsRefusedError``, which
names the permission. A key that could seal but never unseal, such as one for signatures, is an
``InvalidKeyError``, wherever it is named.
"""

from ._bundle import KeyBundle
from ._check import CheckStep, KeyCheck, check_key
from ._create import create_key
from ._export import Form, export_key
from ._fetch import fetch_key
from ._key import KmsKey, Spec, describe_key
from ._listing import list_keys
from ._policy import Role, key_policy, policy
from ._recipients import read_recipients
from ._rotate import Rotation, next_alias, rotate_key

__all__ = [
    "create_key",
    "describe_key",
    "list_keys",
    "check_key",
    "rotate_key",
    "next_alias",
    "policy",
    "key_policy",
    "export_key",
    "read_recipients",
    "fetch_key",
    "KeyBundle",
    "KmsKey",
    "KeyCheck",
    "CheckStep",
    "Rotation",
    "Spec",
    "Role",
    "Form",
]

# Tracebacks and pickles name classes by where users find them.
for _name in __all__:
    _value = globals()[_name]
    if isinstance(_value, type):
        _value.__module__ = "libseal.provision"
del _name, _value
