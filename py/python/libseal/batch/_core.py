"""Stands in for the table, the data keys and the job key until the extension module has them."""

try:
    from .._libseal import DataKeys, JobKey, Plan
except ImportError:
    from .._errors import NoMatchingRecipientError, TruncatedError
    from .._libseal import Header, Unsealer, unwrap_keys

    class Plan:
        def __init__(self):
            self.headers, self._of, self._lens = [], [], []

        def add(self, beginning, message_len):
            header = Header(beginning)
            if message_len < header.length + 24 + 32 + 16:
                raise TruncatedError("the message is cut short")
            if header not in self.headers:
                self.headers.append(header)
            self._of.append(self.headers.index(header))
            self._lens.append(message_len)
            return len(self._lens) - 1

        def extend(self, other):
            for n, length in enumerate(other._lens):
                self.add(bytes(other.header_of(n)), length)

        def __len__(self):
            return len(self._lens)

        def header_of(self, n):
            return self.headers[self._of[n]]

        def header_number_of(self, n):
            return self._of[n]

        def message_len(self, n):
            return self._lens[n]

        def plaintext_len(self, n):
            return self.header_of(n).plaintext_range(0, self._lens[n]).stop

        def part(self, files):
            part = Plan()
            for n in files:
                part.add(bytes(self.header_of(n)), self._lens[n])
            return part

        def partitions(self, count):
            return [list(range(n, len(self), count)) for n in range(count)]

    class DataKeys:
        def __init__(self):
            self._keys = {}

        def __len__(self):
            return len(self._keys)

        def unwrap(self, header, unwrapper):
            key = unwrap_keys(header.wrapped_keys, unwrapper)
            if key is None:
                raise NoMatchingRecipientError("sealed for other keys")
            Unsealer.with_key(header, key)
            self._keys[header.wrapped_keys[0]] = key

        def extend(self, other):
            self._keys.update(other._keys)

        def __call__(self, wrapped_key):
            return self._keys.get(wrapped_key)

    class JobKey:
        pass


__all__ = ["DataKeys", "JobKey", "Plan"]
