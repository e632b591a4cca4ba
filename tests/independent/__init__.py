"""A second implementation of the libseal message format, on pyca/cryptography alone."""
