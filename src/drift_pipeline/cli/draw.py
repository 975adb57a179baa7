"""Draw images: `drift-pipeline draw "a photo of a cat" --run drift-pickscore-s42 --beside base`.

Every model draws the same prompts from the same noise. Up to rounding, an image is the one that the
evaluation draws for its prompt, its seed and its checkpoint, whatever else is drawn. Writes a sheet
and the single images, whose PNG text chunks say how they were drawn. Without --run or --adapter the
base model draws.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from drift_pipeline.cli.configuration import read_parameters
from drift_pipeline.cli.painters import choose_painters, refuse_other_weights
from drift_pipeline.cli.trained import refuse_taken
from drift_pipeline.common.atomic import replacing_folder
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.writable import require_writable
from drift_pipeline.config.prompt_files import name_unseen, read_prompts
from drift_pipeline.config.train import Sampling
from drift_pipeline.runs.folder import free_place

MOST = 2000
"""Images of one sheet."""
SEEDS = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)
DRAWN = "drawn"
"""Folder beside the evaluation's images."""


@click.command(help=__doc__)
@click.argument("texts", nargs=-1, metavar="[PROMPT]...")
@click.option("--prompts", "file", type=click.Path(path_type=Path), help="A file of further "
              "prompts, one per line.")  # fmt: skip
@click.option("--run", "name", help="A run's name: <method>-<reward>-s<seed>.")
@click.option("--epoch", type=int, help="An epoch of that run.  [default: the last]")
@click.option("--adapter", type=click.Path(path_type=Path), help="A folder that `export` or a run "
              "has written, instead of a run.")  # fmt: skip
@click.option("--beside", default="", help="What else draws: base, runs, <run>@<epoch>, with "
              "commas between.")  # fmt: skip
@click.option("--seeds", default="0-7", show_default=True, help="Such as 0-7 or 0,3,10-12.")
@click.option("--steps", type=int, help="Denoising steps.  [default: as trained]")
@click.option("--guidance", type=float, help="Its weight; 1 is none.  [default: as trained]")
@click.option("--env", "-e", default="local", show_default=True, help="A folder of conf/.")
@click.option("--params", default="", help="As for `kedro run`: train.device=cuda,...")
@click.option("--out", type=click.Path(path_type=Path), help="The folder to be made.  [default: a "
              f"new one in {DRAWN}/, beside the evaluation's images]")  # fmt: skip
def main(
    texts: tuple[str, ...],
    file: Path | None,
    name: str | None,
    epoch: int | None,
    adapter: Path | None,
    beside: str,
    seeds: str,
    steps: int | None,
    guidance: float | None,
    env: str,
    params: str,
    out: Path | None,
) -> None:
    """Draw, and say where to."""
    root = Path.cwd()
    prompts, chosen = collect_prompts(texts, file), parse_seeds(seeds)
    given = _sampling(steps, guidance)
    checked = read_parameters(root, env, params)
    if out is not None:
        refuse_taken(out, "--out")
    painters, run = choose_painters(root, checked, name, epoch, adapter, beside, given)
    count = len(painters) * len(prompts) * len(chosen)
    if count > MOST:
        raise ConfigurationError(
            f"{len(painters)} models × {len(prompts)} prompts × {len(chosen)} seeds are {count:,} "
            f"images, more than the {MOST:,} of one sheet; give fewer --seeds or prompts"
        )
    from drift_pipeline.evaluation.drawing import SHEET, draw_beside, save_drawn
    from drift_pipeline.evaluation.protocol import Protocol
    from drift_pipeline.hooks.preflight import check_models

    first = next((painter for painter in painters if painter.state), painters[0])
    target = out or free_place(root / checked.generate.folder / DRAWN / first.folder)
    require_writable({target: "--out"})
    check_models(run, {"env": env}, True, {}, {}, prompts, "the prompts")
    refuse_other_weights(painters, run)
    protocol = Protocol(tuple(prompts), chosen, run.train.sampling)
    try:
        drawn = draw_beside(painters, run, protocol)
        with replacing_folder(target) as part:
            save_drawn(drawn, run, protocol, part)
    except ConfigurationError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise ConfigurationError(f"--out: {target} cannot be written ({reason})") from error
    except (ValueError, FloatingPointError) as error:
        raise ConfigurationError(f"nothing was drawn: {' '.join(str(error).split())}") from error
    place = target.relative_to(root) if target.is_relative_to(root) else target
    click.echo(f"{count:,} images, and a sheet of them: {place / SHEET}")


def collect_prompts(texts: Sequence[str], file: Path | None) -> list[str]:
    """Put the prompts of the command line and of a file together, each once.

    Args:
        texts: Prompts; spaces around them do not count, as in files.
        file: A text file with one prompt per line.

    Raises:
        ConfigurationError: Where there is none, one is empty or has characters that nobody sees,
            or the file cannot be read.
    """
    given = [text.strip() for text in texts]
    for text in given:
        if not text:
            raise ConfigurationError("a prompt is empty; write it in quotation marks")
        if unseen := name_unseen(text):
            raise ConfigurationError(f"the prompt {text!a} has {unseen}; take it out")
    prompts = list(dict.fromkeys([*given, *(read_prompts(file, "--prompts") if file else [])]))
    if not prompts:
        raise ConfigurationError(
            'there is nothing to draw; write a prompt, such as "a photo of a cat", or name a file '
            "of them with --prompts"
        )
    return prompts


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read seeds and ranges of them, whose ends belong to them.

    Args:
        text: With commas between.

    Returns:
        The seeds in that order, each once.

    Raises:
        ConfigurationError: Where a part is neither, or they are too many.

    Example:
        >>> parse_seeds("0-3, 7, 2")
        (0, 1, 2, 3, 7)
    """
    ranges = []
    for part in text.split(","):
        match = SEEDS.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first:
            raise ConfigurationError(
                f"--seeds: {part.strip()!r} is no seed and no range of seeds; give whole numbers "
                "from 0, such as 0-7 or 0,3,10-12"
            )
        ranges.append(range(first, last + 1))
    count = sum(map(len, ranges))
    if count > MOST:
        raise ConfigurationError(
            f"--seeds: {text} are {count:,} seeds, more than the {MOST:,} images of one sheet"
        )
    return tuple(dict.fromkeys(seed for part in ranges for seed in part))


def _sampling(steps: int | None, guidance: float | None) -> dict[str, Any]:
    """Check the sampling that the command line gives."""
    from pydantic import ValidationError

    given = {"steps": steps, "guidance": guidance}
    values = {key: value for key, value in given.items() if value is not None}
    try:
        Sampling.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        raise ConfigurationError(
            f"--{problem['loc'][0]}: {problem['msg'].lower()} (it is {problem['input']})"
        ) from error
    return values
