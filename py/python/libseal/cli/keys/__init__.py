"""``libseal keys``: each command is a module of this package with an attribute ``command``."""

from .._group import LazyGroup

COMMANDS: dict[str, str] = {}

command = LazyGroup(
    name="keys",
    help="Make, check, export and rotate keys.",
    commands_in=__package__,
    modules=COMMANDS,
)
