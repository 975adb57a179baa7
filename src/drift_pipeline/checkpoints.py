"""A model's files: finding them on this machine or on the Hugging Face Hub."""

import re
from pathlib import Path


def existing(path: str | Path, what: str) -> Path:
    """Returns the path if there is something.

    Args:
        path: A file or folder.
        what: What should be there, for the message.

    Raises:
        FileNotFoundError: If nothing is there, in one line that says what was looked for.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{what} is not at {path} (looked from {Path.cwd()})")
    return Path(path)


def local_or_hub(name: str | Path, what: str) -> str:
    """Returns the name of a local folder that exists, or of a Hub repository ("owner/name").

    Args:
        name: A path, or a Hub id, which never has more than one slash.
        what: What it should be, for the message.

    Raises:
        FileNotFoundError: If it is no Hub id and nothing is there.
    """
    is_hub_id = re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", str(name))
    return str(name) if is_hub_id else str(existing(name, what))
