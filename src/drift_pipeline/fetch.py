"""Download what an environment needs: `python -m drift_pipeline.fetch --env paper`.

The environment's own parameters say what that is. Files go where the libraries look for them: the
Hugging Face cache, and for DreamSim the folder that its options name. Nothing that is downloaded is
run.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.request import Request, urlopen
from zipfile import ZipFile

import click
from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import HTTPError
from huggingface_hub.utils import filter_repo_objects

from drift_pipeline import project
from drift_pipeline.commands.environment import read_parameters
from drift_pipeline.downloads import DINO_WEIGHTS, DREAMSIM, DreamSimFiles, HubFiles, Need
from drift_pipeline.needs import needs_of, refuse_untrainable
from drift_pipeline.parameters import ConfigurationError
from drift_pipeline.whole import swap

Files = list[tuple[str, int]]
"""Names and sizes in bytes."""


@click.command(help=__doc__)
@click.option("--env", "-e", default="local", show_default=True, help="A folder of conf/.")
@click.option("--params", default="", help="As for `kedro run`: train.base_model=owner/name,...")
@click.option("--dry-run", is_flag=True, help="List the files and their sizes, and stop.")
def main(env: str, params: str, dry_run: bool) -> None:
    """Say what is needed and how big it is, then download it."""
    project.current.path = Path.cwd()
    needs = [need for need in environment_needs(Path.cwd(), env, params) if need.missing()]
    if not needs:
        click.echo(f"Nothing needs to be fetched for {env}: every model is on this machine.")
        return
    try:
        plan = [(need, files_of(need)) for need in needs]
        for line in describe(plan):
            click.echo(line)
        if not dry_run:
            for need, files in plan:
                click.echo(f"Downloading {need}")
                download(need, files)
            click.echo("Done.")
    except (OSError, HTTPError) as error:
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        names = ", ".join(str(need) for need in needs)
        raise ConfigurationError(f"cannot download {names}: {reason}") from error


def environment_needs(root: Path, env: str, params: str = "") -> list[Need]:
    """List the downloads that an environment's parameters ask for.

    Args:
        root: The project's folder.
        env: A folder of conf/.
        params: Values in their place, `name=value` with commas between.

    Raises:
        ConfigurationError: Where there is no such environment, or its parameters are wrong.
    """
    checked = read_parameters(root, env, params)
    return needs_of(checked.train.base_model, checked.rewards, checked.encoders)


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
        shutil.copy(Path(__file__).with_name("hubconf.py"), source)
        (need.folder / "trusted_list").touch()  # torch.hub would make it at the first run
        _download(names[1], weights)
    archive = need.folder / ".archive.zip"
    _download(names[0], archive)
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


def describe(plan: Sequence[tuple[Need, Files]]) -> list[str]:
    """Say what will be downloaded, from where, and how big it is."""
    lines = []
    for need, files in plan:
        total = sum(size for _, size in files)
        lines.append(f"{need.parameter}: {need}, {gigabytes(total)} from {need.source}")
        lines += [f"  {gigabytes(size):>9}  {name}" for name, size in files]
    total = sum(size for _, files in plan for _, size in files)
    return [*lines, f"In all {gigabytes(total)}; the Hub's files go to {constants.HF_HUB_CACHE}"]


def gigabytes(size: int) -> str:
    """A size in bytes for people; thousands, as disks and the Hub count."""
    return f"{size / 1e9:.2f} GB" if size >= 1e7 else f"{size / 1e6:.2f} MB"


def _remote_size(url: str) -> int:
    with urlopen(Request(url, method="HEAD"), timeout=30) as answer:
        return int(answer.headers.get("Content-Length") or 0)


def _download(url: str, target: Path) -> None:
    """Download to another name first, so that what has the name is whole."""
    part = target.with_name(f".{target.name}.part")
    with urlopen(Request(url), timeout=30) as answer, part.open("wb") as file:
        shutil.copyfileobj(answer, file, 1 << 20)
    part.replace(target)


if __name__ == "__main__":
    main()
