"""Keep the results of the whole paper in git: `python -m drift_pipeline publish --env bestiary`.

Copies what `dvc repro` has made to docs/results/<env>, a folder that no pipeline writes to: the
report, the tables, every run's measures and training curve, and what DVC recorded of how they were
made. Images and policies stay in DVC's cache.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from drift_pipeline.cli.paper import read_paper, runs_of
from drift_pipeline.common.atomic import replacing_folder
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.integrity import sha256
from drift_pipeline.hooks.analysis_inputs import MADE_OF, METRICS
from drift_pipeline.runs.run import run_name

RESULTS = Path("docs/results")
BESIDE = ("best_front", "free_metrics")
"""Tables that a run's folder may have beside its metrics."""
KEPT = ("report.html", "*.md", "*.json", "*.tex", "*.parquet")
PACKAGES = ("torch", "diffusers", "transformers", "peft", "kedro")


@click.command(help=__doc__)
@click.option("--env", "-e", default="bestiary", show_default=True, help="A folder of conf/.")
def main(env: str) -> None:
    """Copy the results, or say which are missing."""
    target = publish(Path.cwd(), env)
    click.echo(f"Published to {target}; commit it to keep it.")


def publish(project: Path, env: str) -> Path:
    """Copy an environment's results to the folder that git keeps.

    Args:
        project: The project's folder.
        env: Its results lie in folders of this name.

    Returns:
        The folder, replaced as a whole.

    Raises:
        ConfigurationError: Where a run of `params.yaml` or the report is missing; nothing is
            copied then.
    """
    names = ["base", *(run_name(*key) for key in runs_of(read_paper(project)))]
    reporting = project / "data/08_reporting" / env
    wanted = [reporting / "analysis/report.html", reporting / "analysis" / MADE_OF]
    wanted += [reporting / "runs" / name / "metrics.parquet" for name in names]
    missing = [str(path.relative_to(project)) for path in wanted if not path.exists()]
    if missing:
        raise ConfigurationError(
            f"cannot publish {env}: {len(missing)} of {len(wanted)} files are missing, the first "
            f"is {missing[0]}; run dvc repro to the end"
        )
    _refuse_other_metrics(reporting, names)
    target = project / RESULTS / env
    with replacing_folder(target) as part:
        for source, name in _files(project, env, names):
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, part / name)
        (part / "README.md").write_text(_describe(project, env, names), encoding="utf-8")
    return target


def _refuse_other_metrics(reporting: Path, names: list[str]) -> None:
    """Refuse a report that was made of other measures than those that would lie beside it."""
    made_of = json.loads((reporting / "analysis" / MADE_OF).read_text(encoding="utf-8"))
    known = made_of.get(METRICS, {})
    other = [
        name
        for name in names
        if known.get(name) != sha256(reporting / "runs" / name / "metrics.parquet")
    ]
    if other:
        raise ConfigurationError(
            f"cannot publish: the report is older than the measures of {len(other)} runs, such as "
            f"{other[0]}; run dvc repro to the end"
        )


def _files(project: Path, env: str, names: list[str]) -> Iterator[tuple[Path, Path]]:
    """Yield the files to copy, and their names in the published folder."""
    reporting = project / "data/08_reporting" / env
    analysis = reporting / "analysis"
    for path in sorted(path for pattern in KEPT for path in analysis.rglob(pattern)):
        # Figures are in the report.
        if not (path.parent / "captions.json").exists():
            yield path, path.relative_to(reporting)
    curves = project / "data/06_models/runs" / env
    for name in names:
        for table in ("metrics", *BESIDE):
            file = Path("runs") / name / f"{table}.parquet"
            if table not in BESIDE or (reporting / file).exists():
                yield reporting / file, file
        if (curve := curves / name / "training_curve.parquet").exists():
            yield curve, Path("runs") / name / curve.name
    if (project / "dvc.lock").exists():
        yield project / "dvc.lock", Path("provenance.yaml")


def _describe(project: Path, env: str, names: list[str]) -> str:
    git = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    commit = subprocess.run(git, cwd=project, capture_output=True, text=True, check=False)
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"""# Results of the whole paper, {env}

Made with `dvc repro`, published with `python -m drift_pipeline publish --env {env}` on
{datetime.now(UTC):%Y-%m-%d}. No pipeline writes to this folder.

- Code: {commit.stdout.strip() or "not under git"}
- Python {platform.python_version()}, {packages}, {platform.machine()}
- Runs: {", ".join(names)}

`analysis/report.html` is one page with every figure and table; the tables lie beside it. `runs/`
has every run's measures and training curve, `provenance.yaml` DVC's record of what each stage was
made of.
"""
