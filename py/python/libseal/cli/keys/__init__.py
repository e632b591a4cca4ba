"""``libseal keys``: each command is a module of this package with an attribute ``command``."""

from .._group import LazyGroup

COMMANDS: dict[str, str] = {
    "create": "Make a key in AWS KMS, with an alias.",
    "check": "Seal and unseal a probe: what is missing?",
    "export": "Write the public key as DER, PEM, C, Rust, JSON or a recipients file.",
    "policy": "Print the IAM policy or key policy for a role.",
    "rotate": "Make the next key, and move the alias to it.",
    "list": "Show which keys of the account can unseal.",
    "local": "Make a key pair in files, for trying out.",
    "fetch": "Fetch a public key over HTTPS, and verify its fingerprint.",
}

HELP = """Make, check, export and rotate keys.

\b
  libseal keys create alias/telemetry
  libseal keys check alias/telemetry
  libseal keys export alias/telemetry --c-header -o telemetry.h
  libseal keys policy unseal alias/telemetry
  libseal keys rotate alias/telemetry

The keys are in AWS KMS: credentials and region are those of any AWS SDK. `keys local` and
`keys fetch` need no AWS account."""

command: LazyGroup = LazyGroup(
    name="keys",
    help=HELP,
    commands_in=__package__,
    modules=COMMANDS,
)
