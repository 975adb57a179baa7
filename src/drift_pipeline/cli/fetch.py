"""Download what an environment needs: `python -m drift_pipeline fetch --env paper`.

The environment's own parameters say what that is. Files go where the libraries look for them: the
Hugging Face cache, and for DreamSim the folder that its options name. Nothing that is downloaded is
run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from huggingface_hub import constants
from huggingface_hub.errors import HTTPError

from drift_pipeline.cli.configuration import read_parameters
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.classes import has_diffusers_files
from drift_pipeline.model_files.download import Files, download, files_of
from drift_pipeline.model_files.requirements import needs_of
from drift_pipeline.model_files.sources import Need


@click.command(help=__doc__)
@click.option("--env", "-e", default="local", show_default=True, help="A folder of conf/.")
@click.option("--params", default="", help="As for `kedro run`: train.base_model=owner/name,...")
@click.option("--dry-run", is_flag=True, help="List the files and their sizes, and stop.")
def main(env: str, params: str, dry_run: bool) -> None:
    """Say what is needed and how big it is, then download it."""
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
        params: Values that replace some of them, `name=value` with commas between.

    Raises:
        ConfigurationError: Where there is no such environment, or its parameters are wrong.
    """
    checked = read_parameters(root, env, params)
    train = checked.train
    # Another policy looks after its files itself.
    base_model = train.base_model if has_diffusers_files(train) else None
    return needs_of(root, base_model, checked.rewards, checked.encoders)


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
    """Write a size in bytes for people; thousands, as disks and the Hub count."""
    return f"{size / 1e9:.2f} GB" if size >= 1e7 else f"{size / 1e6:.2f} MB"
