"""Opens a sealed message with boto3 and pyca/cryptography alone: there is no lock-in.

python open_without_libseal.py KMS_KEY < MESSAGE > PLAINTEXT

An exit status other than 0 means that the plaintext is not whole: throw it away.
"""

import sys

import boto3
from cryptography.cobblestone import Cobblestone256Decryptor

read = sys.stdin.buffer.read
write = sys.stdout.buffer.write


def sized() -> bytes:
    return read(int.from_bytes(read(2)))


# The header. What it says of the recipients guards itself with a MAC, which is not needed here:
# with the wrong data key the payload does not open.
prefix = read(6)
context = sized()
recipients = [(read(1), read(32), sized(), sized()) for _ in range(read(1)[0])]
mac = read(32)

# One call unwraps the data key of the first recipient.
kind, fingerprint, key_id, wrapped_key = recipients[0]
data_key = boto3.client("kms").decrypt(
    KeyId=sys.argv[1],
    EncryptionAlgorithm="RSAES_OAEP_SHA_256" if kind == b"\1" else "RSAES_OAEP_SHA_1",
    CiphertextBlob=wrapped_key,
)["Plaintext"]

# The payload is Cobblestone-256, a public standard, bound to prefix and encryption context.
bound = prefix + len(context).to_bytes(2) + context
decryptor = Cobblestone256Decryptor(data_key, bound)
while piece := read(1024 * 1024):
    write(decryptor.update(piece))
write(decryptor.finalize())
