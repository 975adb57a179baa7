"""Entry point of the installed package: `python -m drift_pipeline --pipelines train`.

`drift-pipeline` does the same. Without a command it is Kedro's `run`; see `commands`.
"""

import sys
from typing import Any

from kedro.framework.project import configure_project

from drift_pipeline.cli.commands import PACKAGE, commands


def main(*args: Any, **kwargs: Any) -> Any:
    """Run a command of this package."""
    configure_project(PACKAGE)
    kwargs["standalone_mode"] = not hasattr(sys, "ps1")
    return commands(*args, **kwargs)


if __name__ == "__main__":
    main()
