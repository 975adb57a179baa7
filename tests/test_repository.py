"""What git keeps: large files only where CONTRIBUTING.md says that they are worth their weight."""

import subprocess
from fnmatch import fnmatch

LARGE = 1_000_000
KEPT = (
    "data/06_models/bestiary/*",
    "data/08_reporting/bestiary/sheet.png",
    "docs/results/*/analysis/report.html",
)


def test_large_files_are_those_that_are_meant_to_be_kept(project_path):
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=project_path, capture_output=True, text=True, check=True
    )
    paths = [project_path / name for name in listed.stdout.split("\0") if name]
    large = [
        str(path.relative_to(project_path))
        for path in paths
        if path.is_file() and path.stat().st_size > LARGE
    ]
    assert not [name for name in large if not any(fnmatch(name, kept) for kept in KEPT)]


def test_what_runs_write_is_not_kept(project_path):
    """Newcomers' results never share a path with the published ones."""
    written = (
        "data/04_feature/x", "data/06_models/runs/x", "data/07_model_output/x",
        "data/08_reporting/bestiary/analysis/x", "data/08_reporting/bestiary/runs/x",
    )  # fmt: skip
    ignored = subprocess.run(
        ["git", "check-ignore", *written], cwd=project_path, capture_output=True, text=True
    )
    assert ignored.stdout.split() == [*written]
