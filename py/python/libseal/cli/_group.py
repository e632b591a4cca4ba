"""A group of commands that are imported when they are needed."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose commands are modules of one package, each with an attribute ``command``.

    ``commands_in`` is the package, and ``modules`` has the one-line help of each module, by its
    name: so the help of the group imports none of them. In the name of a command, a dash takes the
    place of an underscore.
    """

    def __init__(self, *arguments: Any, commands_in: str, modules: Mapping[str, str], **rest: Any):
        super().__init__(*arguments, **rest)
        self._package = commands_in
        self._modules = {module.replace("_", "-"): module for module in modules}
        self._helps = {module.replace("_", "-"): text for module, text in modules.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names, in the order that they were given in."""
        return [*self._modules]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in self._modules:
            return None
        module = import_module(f"{self._package}.{self._modules[cmd_name]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the one-line helps."""
        if not self._helps:
            return
        with formatter.section("Commands"):
            formatter.write_dl(list(self._helps.items()))
