"""A model's files: finding them here or on the Hugging Face Hub, telling them apart."""

import hashlib
import json
import re
from functools import cache
from pathlib import Path

from drift_pipeline.common.values import sha256

LONGEST = 200
"""Characters of a Hub id with its revision: its two names have 96 at the most."""

VOCABULARY = ("vocab.json", "merges.txt")
"""What a tokenizer is built from where it has no `tokenizer.json`."""


def existing(path: str | Path, what: str) -> Path:
    """Return the path if there is something.

    Args:
        path: A file or folder.
        what: What should be there, for the message.

    Raises:
        FileNotFoundError: If nothing is there, in one line that says what was looked for.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{what} is not at {path} (looked from {Path.cwd()})")
    return Path(path)


def hub_id(name: str) -> tuple[str, str | None] | None:
    """Read a Hub id, which never has more than one slash before its "@".

    Args:
        name: "owner/name" or "owner/name@revision"; the owner may be missing.

    Returns:
        The repository and the revision (a commit, tag or branch), or `None` where it is a path.
    """
    match = re.fullmatch(r"([\w-][\w.-]*(?:/[\w-][\w.-]*)?)(?:@([\w./-]+))?", name)
    return (match[1], match[2]) if match else None


def local_or_hub(name: str | Path, what: str) -> str:
    """Return the name of a local folder that exists, or of a Hub repository.

    Args:
        name: A path, or a Hub id as `hub_id` reads it. One with a revision gives the folder in
            the cache that has this revision, since not every loader takes one.
        what: What it should be, for the message.

    Raises:
        FileNotFoundError: If it is no Hub id and nothing is there, or not this revision.
    """
    found = None if Path(name).exists() else hub_id(str(name))
    if found is None:
        return str(existing(name, what))
    repo, revision = found
    return repo if revision is None else str(_cached(repo, revision, what))


def _cached(repo: str, revision: str, what: str) -> Path:
    from huggingface_hub import try_to_load_from_cache

    for file in ("model_index.json", "config.json", "preprocessor_config.json"):
        path = try_to_load_from_cache(repo, file, revision=revision)
        if isinstance(path, str):
            return Path(path).parent
    raise FileNotFoundError(f"{what} is not in the Hugging Face cache: {repo} at {revision}")


def open_clip_name(architecture: str | Path, what: str) -> str:
    """Say "local-dir:<folder>" for a folder, and leave open_clip's own names as they are.

    Args:
        architecture: One of open_clip's architectures, or a folder.
        what: What it is for, for the message.

    Raises:
        FileNotFoundError: If it is neither.
    """
    import open_clip

    if open_clip.get_model_config(str(architecture)) is not None:
        return str(architecture)
    return f"local-dir:{existing(architecture, what)}"


def pipeline_class(name: str) -> str | None:
    """Name the class that a diffusers pipeline was saved with, as its `model_index.json` says.

    Args:
        name: As `local_or_hub` gives it: a folder, or "owner/name".

    Returns:
        The name; `None` where a Hub repository has not been downloaded.

    Raises:
        FileNotFoundError: If it is a folder or file that is no pipeline in diffusers' format.
    """
    from huggingface_hub import try_to_load_from_cache

    file = "model_index.json"
    index = Path(name) / file if Path(name).exists() else try_to_load_from_cache(name, file)
    if not isinstance(index, str | Path):
        return None
    try:
        return str(json.loads(Path(index).read_text(encoding="utf-8"))["_class_name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileNotFoundError(
            f"{name} has no model_index.json that names a pipeline; it must be a folder in "
            "diffusers' format, as `save_pretrained` writes it"
        ) from error


def hub_commit(name: str, revision: str | None = None) -> str | None:
    """Look up which commit of a Hub repository this machine has, without asking the network.

    Args:
        name: "owner/name" or "owner/name@revision", as `hub_id` reads it.
        revision: Commit, tag or branch where the name has none; the main branch where neither has.

    Returns:
        The commit; `None` where it is no Hub id, or the cache does not have it.
    """
    from huggingface_hub import constants

    found = hub_id(name) if len(name) <= LONGEST else None
    if found is None:
        return None
    repo, wanted = found
    folder = Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}"
    for branch in dict.fromkeys(filter(None, (wanted or revision, wanted or "main"))):
        if (folder / "refs" / branch).is_file():
            return (folder / "refs" / branch).read_text(encoding="utf-8").strip()
        if (folder / "snapshots" / branch).is_dir():
            return branch
    return None


def files_digest(path: Path) -> str:
    """Return a short hash that changes when anything in a model's files does.

    Every byte counts, so that a flipped one is noticed; a file is read once per process. Hidden
    files and bytecode, which systems, editors and imports leave behind, do not count, nor does a
    tokenizer's vocabulary for older libraries beside the `tokenizer.json` that is read.

    Args:
        path: A file, or a folder with files anywhere below it.
    """
    digest = hashlib.sha256()
    root = path.parent if path.is_file() else path
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        parts = file.relative_to(root).parts
        if not file.is_file() or any(part.startswith((".", "__pycache__")) for part in parts):
            continue
        if file.name in VOCABULARY and file.with_name("tokenizer.json").is_file():
            continue
        stat = file.stat()
        digest.update(f"{parts} {_content(file, stat.st_size, stat.st_mtime_ns)} ".encode())
    return digest.hexdigest()[:16]


@cache
def _content(file: Path, size: int, mtime: int) -> str:
    return sha256(file)
