"""What is raised where something asked for cannot be done."""

from __future__ import annotations

from click import ClickException


class ConfigurationError(ClickException, ValueError):
    """Something asked for cannot be done; the message is one line that says what to change.

    Kedro's command line prints such an exception as that line, without a traceback.
    """
