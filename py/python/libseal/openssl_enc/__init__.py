"""Read what the recipe before libseal wrote: ``openssl enc`` for data, RSA-OAEP for its password.

The recipe makes three files: ``key.b64`` (from ``openssl rand -base64 32``), ``key.b64.enc`` (the
whole of ``key.b64``, encrypted for an RSA key by ``openssl pkeyutl``), and ``encrypt.me.enc`` (the
data, encrypted by ``openssl enc -pass file:key.b64``).

>>> from libseal import openssl_enc
>>> unwrap = libseal.aws.KmsUnwrapper(boto3.client("kms"), keys=["alias/telemetry"])
>>> password = openssl_enc.unwrap_password(open("key.b64.enc", "rb").read(), unwrap)
>>> openssl_enc.decrypt_file("encrypt.me.enc", "encrypt.me", password)

**Nothing here is authenticated.** These files carry no authentication: anyone who could write to
them may have changed them, and the plaintext with them, and no one can tell. Seal again what you
want to keep: ``reseal_file``.

**CTR cannot recognise a wrong password.** With a wrong password, cipher or digest, ``aes-*-ctr``
gives garbage and no error. ``aes-*-cbc`` notices most of the time, but lets 1 wrong password in 250
through. Look at what comes out.

- ``unwrap_password`` decrypts the password with a KMS or a private key.
- ``decrypt_file`` and ``reseal_file``: files of any size, in constant memory, replaced as a whole.
- ``DecryptReader``: the same as a file object.

AES comes from the package cryptography, which ``pip install libseal[openssl]`` brings.

Arguments that these share are named as ``openssl enc`` names them:

- ``cipher``: ``"aes-256-ctr"``, or ``128`` or ``192`` for ``256``, or ``cbc`` for ``ctr``.
- ``md``: ``"sha256"``, ``"md5"``, ``"sha1"`` or ``"sha512"``. Before OpenSSL 1.1.0, ``openssl enc``
  used MD5 unless it was told otherwise.
- ``pbkdf2``: whether the key was derived with PBKDF2. If not, it was with EVP_BytesToKey and one
  iteration.
- ``iterations``: those of PBKDF2, which it implies, as ``-iter`` does. PBKDF2 alone means 10,000.
- ``base64``: whether the data is base64 text, as ``-a`` and ``-A`` write it.
- ``password``: bytes, as ``unwrap_password`` returns them: no newline at the end.

The format of the data is that of OpenSSL 3.0's ``apps/enc.c``: ``Salted__``, a salt of 8 bytes, and
the ciphertext. Key and IV come out of the key derivation together.
"""

from ._files import decrypt_file, reseal_file
from ._password import SupportsDecrypt, unwrap_password
from ._reader import DecryptReader

__all__ = [
    "unwrap_password",
    "decrypt_file",
    "reseal_file",
    "DecryptReader",
    "SupportsDecrypt",
]

# Tracebacks and pickles name classes by where users find them.
for _name in __all__:
    globals()[_name].__module__ = "libseal.openssl_enc"
del _name
