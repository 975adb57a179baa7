"""The command line: `kedro run` with errors of one line, and this package's own commands.

Kedro looks for a project's commands here, by the names `cli` and `run`.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """Import Kedro's command only where it is asked for; naming the others needs none of it."""
    if name not in ("cli", "run"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from drift_pipeline.cli import kedro_run

    return getattr(kedro_run, name)
