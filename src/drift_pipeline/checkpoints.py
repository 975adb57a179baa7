"""A model's files: finding them here or on the Hugging Face Hub, telling them apart."""

import hashlib
import json
import re
from pathlib import Path

ENDS = 64 * 1024
"""Bytes of a file's beginning and of its end that a digest looks at."""

VOCABULARY = ("vocab.json", "merges.txt")
"""What a tokenizer is built from where it has no `tokenizer.json`."""

RENAMED = {"f0ad8282f258cdcd": "4470c26c3bfae696"}
"""Digest of a model whose weights have got other names, to its digest before.

The kept Stable Diffusion's text encoder has the names of transformers 4 since its second edition.
Its numbers are the same, so runs that began with the first can be resumed.
"""


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


def hub_id(name: str) -> tuple[str, str | None] | None:
    """Reads a Hub id, which never has more than one slash before its "@".

    Args:
        name: "owner/name" or "owner/name@revision"; the owner may be missing.

    Returns:
        The repository and the revision (a commit, tag or branch), or `None` where it is a path.
    """
    match = re.fullmatch(r"([\w-][\w.-]*(?:/[\w-][\w.-]*)?)(?:@([\w./-]+))?", name)
    return (match[1], match[2]) if match else None


def local_or_hub(name: str | Path, what: str) -> str:
    """Returns the name of a local folder that exists, or of a Hub repository.

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


def pipeline_class(name: str) -> str | None:
    """Name of the class that a diffusers pipeline was saved with, as its `model_index.json` says.

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


def files_digest(path: Path) -> str:
    """A short hash that changes when a model is trained again or replaced under the same path.

    It looks at names, sizes and both ends of the files, so that gigabytes take no time.
    Hidden files and bytecode, which systems, editors and imports leave behind, do not count, nor
    does a tokenizer's vocabulary for older libraries beside the `tokenizer.json` that is read.

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
        size = file.stat().st_size
        digest.update(f"{parts} {size} ".encode())
        with file.open("rb") as content:
            digest.update(content.read(ENDS))
            content.seek(max(0, size - ENDS))
            digest.update(content.read(ENDS))
    found = digest.hexdigest()[:16]
    return RENAMED.get(found, found)
