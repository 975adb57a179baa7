"""`kedro run`, whose errors are one line where one line is enough.

Kedro finds the commands of a project in its module `cli`. The traceback is logged at debug level:

    KEDRO_LOGGING_CONFIG=conf/logging_debug.yml kedro run
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import click
import kedro.runner
import yaml
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import configure_logging

logger = logging.getLogger(__name__)

RUNNERS = ("SequentialRunner", "ThreadRunner", "ParallelRunner")
INTERRUPTED = 130
"""Exit code of a program that was stopped with Ctrl-C."""


class OneLineErrors(click.Command):
    """A command that says in one line what a person can mend, and exits with 1."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the command line, whose parameters are YAML."""
        try:
            return super().make_context(*args, **kwargs)
        except yaml.YAMLError as error:
            reason = " ".join(str(error).split())
            raise click.BadParameter(f"it is not YAML ({reason})", param_hint="--params") from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            RunError: For failures that need no traceback.
        """
        _find_logging(ctx.obj)
        runner = ctx.params.get("runner")
        if runner and "." not in runner and not hasattr(kedro.runner, runner):
            raise click.BadParameter(f"{runner!r} is not one of {', '.join(RUNNERS)}", ctx)
        try:
            return super().invoke(ctx)
        except click.ClickException:
            logger.debug("The run failed", exc_info=True)
            raise
        except click.exceptions.Exit:
            raise
        except KeyboardInterrupt:
            click.echo("Interrupted: what is whole is kept, and the same command resumes", err=True)
            ctx.exit(INTERRUPTED)
        except Exception as error:
            from drift_pipeline.cli.failures import RunError, explain

            line = explain(error)
            if line is None:
                raise
            logger.debug("The run failed", exc_info=error)
            raise RunError(line) from error


def _find_logging(metadata: Any) -> None:
    """Log as the project says in its subfolders, too; Kedro looks in the working folder alone."""
    if metadata is None or os.environ.get("KEDRO_LOGGING_CONFIG"):
        return
    file = Path(metadata.project_path) / "conf" / "logging.yml"
    if file.exists() and Path.cwd() != Path(metadata.project_path):
        configure_logging(yaml.safe_load(file.read_text(encoding="utf-8")))


@click.group(name="drift_pipeline")
def cli() -> None:
    """Run a command of the project."""


run = OneLineErrors(
    "run", params=kedro_run.params, callback=kedro_run.callback, help=kedro_run.help
)
cli.add_command(run)
