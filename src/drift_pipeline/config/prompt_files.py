"""Reading prompts."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from drift_pipeline.common.errors import ConfigurationError

LINE_END = re.compile(r"\r\n|\n|\r")
INVISIBLE = {
    *range(0x202A, 0x202F),  # directions of writing
    *range(0x2066, 0x206A),
    0xFEFF,  # a second byte-order mark, where files were put together
    0xFFFD,  # what is left of a character that could not be read
}


def read_prompts(path: Path, parameter: str = "train.prompts") -> list[str]:
    """Read prompts, one per line; a line ends at LF, CR LF or CR, and nowhere else.

    Args:
        path: A UTF-8 text file, with or without a byte-order mark.
        parameter: Which parameter names the file, for messages.

    Returns:
        The prompts as they stand there, without the spaces around them.

    Raises:
        ConfigurationError: Where it is missing, empty, no UTF-8, or has blank lines, characters
            that nobody sees, or one prompt twice.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(
            f"{parameter}: {path} cannot be read ({error.strerror or error}); it must be a text "
            "file with one prompt per line"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{parameter}: {path} is not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from error
    lines = [line.strip(" \t") for line in LINE_END.split(text)]
    if not lines[-1]:
        del lines[-1]  # the end of the last line
    if not any(lines):
        raise ConfigurationError(f"{parameter}: {path} is empty; put one prompt on each line")
    for number, line in enumerate(lines, 1):
        if bad := next(filter(_cannot_be_seen, line), None):
            raise ConfigurationError(
                f"{parameter}: {path} has {_name(bad)} on line {number}, in "
                f"{_excerpt(line, line.index(bad))}; take it out, and end prompts with a line feed"
            )
    lines = [line.strip() for line in lines]
    blank = [str(number) for number, line in enumerate(lines, 1) if not line]
    if blank:
        raise ConfigurationError(f"{parameter}: {path} has blank lines: {', '.join(blank)}")
    first: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        # A tokenizer sees no difference between these.
        same = " ".join(unicodedata.normalize("NFC", line).split())
        if same in first:
            but = "" if lines[first[same] - 1] == line else ", but for its spaces or Unicode form"
            raise ConfigurationError(
                f"{parameter}: {path} has {line!r} twice, on lines {first[same]} and {number}{but}"
            )
        first[same] = number
    return lines


def name_unseen(text: str) -> str | None:
    """Name the first character of a text that nobody sees, such as a line's end; None without."""
    bad = next(filter(_cannot_be_seen, text), None)
    return None if bad is None else _name(bad)


def _cannot_be_seen(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or ord(character) in INVISIBLE
    )


def _name(character: str) -> str:
    code = f"U+{ord(character):04X}"
    if character == "\t":
        return f"a tab ({code})"
    kind = "the control character" if unicodedata.category(character) == "Cc" else "the character"
    name = unicodedata.name(character, "")
    return f"{kind} {code}" + (f" ({name})" if name else "")


def _excerpt(line: str, place: int) -> str:
    start = max(0, place - 20)
    return ascii(line[start : place + 20])
