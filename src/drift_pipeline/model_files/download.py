"""Download models to where their libraries look for them: what files, how big, and their archives.

That is the Hugging Face cache, and for DreamSim the folder that its options name. Nothing that is
downloaded is run.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.request import Request, urlopen
from zipfile import ZipFile

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.utils import filter_repo_objects

from drift_pipeline.common.atomic import swap
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.model_files.requirements import refuse_untrainable
from drift_pipeline.model_files.sources import DINO_WEIGHTS, DREAMSIM, DreamSimFiles, HubFiles, Need

Files = list[tuple[str, int]]
"""Names and sizes in bytes."""


def files_of(need: Need) -> Files:
    """List the files of a need, with their sizes as their source gives them."""
    return hub_files(need) if isinstance(need, HubFiles) else dreamsim_files(need)


def hub_files(need: HubFiles) -> Files:
    """List the files that are taken from a repository.

    Raises:
        ConfigurationError: Where the repository lacks one that is needed, or is a pipeline that
            cannot be trained.
    """
    info = HfApi().model_info(need.repo, revision=need.revision, files_metadata=True)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
    if need.parameter == "train.base_model":
        refuse_untrainable(str(need), (info.config or {}).get("diffusers", {}).get("_class_name"))
    names = set(filter_repo_objects(sizes, allow_patterns=list(need.patterns)))
    for possible in need.wanted:
        if not (there := [name for name in possible if name in sizes]):
            raise ConfigurationError(
                f"{need.parameter}: {need} on the Hub has no {' or '.join(possible)}"
            )
        names.add(there[0])
    return [(name, sizes[name]) for name in sorted(names)]


def dreamsim_files(need: DreamSimFiles) -> Files:
    """List the addresses that a DreamSim is downloaded from."""
    from dreamsim.config import dreamsim_weights

    urls = [dreamsim_weights[need.kind], *([DINO_WEIGHTS] if need.has_dino else [])]
    return [(url, _remote_size(url)) for url in urls]


def download(need: Need, files: Files) -> None:
    """Download a need to where its library looks for it."""
    names = [name for name, _ in files]
    if isinstance(need, HubFiles):
        snapshot_download(need.repo, revision=need.revision, allow_patterns=names)
        return
    need.folder.mkdir(parents=True, exist_ok=True)
    if need.has_dino:
        source, weights = need.dino
        source.parent.mkdir(exist_ok=True)
        weights.parent.mkdir(exist_ok=True)
        shutil.copy(Path(__file__).with_name("dino_hubconf.py"), source)
        (need.folder / "trusted_list").touch()  # torch.hub would make it at the first run
        _download_file(names[1], weights)
    archive = need.folder / ".archive.zip"
    _download_file(names[0], archive)
    unpack(archive, need.folder, last=DREAMSIM[need.kind])
    archive.unlink()


def unpack(archive: Path, folder: Path, last: str) -> None:
    """Unpack an archive into a folder that may have other files.

    Args:
        archive: A ZIP file.
        folder: Where to.
        last: The entry at its top that is put into place last: where it is, all is there.
    """
    part = folder / ".part"
    shutil.rmtree(part, ignore_errors=True)
    with ZipFile(archive) as files:
        files.extractall(part)
    for path in sorted(part.iterdir(), key=lambda path: path.name == last):
        if path.is_dir():
            swap(path, folder / path.name)
        else:
            path.replace(folder / path.name)
    part.rmdir()


def _remote_size(url: str) -> int:
    with urlopen(Request(url, method="HEAD"), timeout=30) as answer:
        return int(answer.headers.get("Content-Length") or 0)


def _download_file(url: str, target: Path) -> None:
    """Download to another name first, so that what has the name is whole.

    `torch.hub.download_url_to_file` would wait without end for a server that falls silent, and
    take what came before a connection broke for the whole.
    """
    part = target.with_name(f".{target.name}.part")
    with urlopen(Request(url), timeout=30) as answer, part.open("wb") as file:
        shutil.copyfileobj(answer, file, 1 << 20)
        announced = int(answer.headers.get("Content-Length") or file.tell())
        if file.tell() != announced:
            raise OSError(f"only {file.tell():,} of {announced:,} bytes of {url} came")
    part.replace(target)
