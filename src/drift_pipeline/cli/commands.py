"""What `drift-pipeline`, or `python -m drift_pipeline`, can be asked for besides a run.

A command is a line of `COMMANDS`; its module is imported when it is called.
"""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import cast

import click

PACKAGE = Path(__file__).parents[1].name

COMMANDS = {
    "draw": "drift_pipeline.cli.draw:main",
    "export": "drift_pipeline.cli.export:main",
    "fetch": "drift_pipeline.cli.fetch:main",
    "fingerprints": "drift_pipeline.cli.fingerprints:main",
    "pick": "drift_pipeline.cli.pick:main",
    "publish": "drift_pipeline.cli.publish:main",
}
"""Name of a command to where it is, `module:name`."""


class Commands(click.Group):
    """Kedro's `run`, which is also what is done where no command is named, and our own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` in front of options that are alone."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return ["run", *COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name == "run":
            from kedro.framework.cli.utils import find_run_command

            return cast(click.Command, find_run_command(PACKAGE))
        if cmd_name not in COMMANDS:
            names = ", ".join(self.list_commands(ctx))
            ctx.fail(f"No such command {cmd_name!r}; there are: {names}")
        return cast(click.Command, pkgutil.resolve_name(COMMANDS[cmd_name]))


commands = Commands(
    name="drift-pipeline",
    help="Work on the drift_pipeline project in this folder. Without a command: `run`.",
)
