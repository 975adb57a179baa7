"""Reading prompts."""

from __future__ import annotations

from pathlib import Path

from drift_pipeline.parameters import ConfigurationError


def read_prompts(path: Path, parameter: str = "train.prompts") -> list[str]:
    """Read prompts, one a line.

    Args:
        path: A UTF-8 text file.
        parameter: Which parameter names the file, for messages.

    Raises:
        ConfigurationError: Where it is missing, empty, no UTF-8, or has blank or repeated lines.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(
            f"{parameter}: {path} cannot be read ({error.strerror or error}); it must be a text "
            "file with one prompt a line"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{parameter}: {path} is not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from error
    lines = [line.strip() for line in text.splitlines()]
    if not any(lines):
        raise ConfigurationError(f"{parameter}: {path} is empty; put one prompt on each line")
    blank = [str(number) for number, line in enumerate(lines, 1) if not line]
    if blank:
        raise ConfigurationError(f"{parameter}: {path} has blank lines: {', '.join(blank)}")
    first: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if line in first:
            raise ConfigurationError(
                f"{parameter}: {path} has {line!r} twice, on lines {first[line]} and {number}"
            )
        first[line] = number
    return lines
