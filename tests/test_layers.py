"""The architecture, held against the imports: layers, no circles, rooms with names of their own."""

import ast
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "drift_pipeline"
LAYERS = (
    "common",
    "drift", "diversity", "rl",
    "config",
    "model_files",
    "encoders", "scorers",
    "policies",
    "methods",
    "training",
    "runs",
    "evaluation",
    "analysis",
    "bestiary",
    "datasets",
    "pipelines",
    "pipeline_registry",
    "session",
    "hooks",
    "settings",
    "cli",
    "__main__",
)  # fmt: skip
"""From bottom to top: a package imports those before it, and none after it."""
WITHOUT_KEDRO = (
    "common", "drift", "diversity", "rl", "config", "encoders", "scorers", "policies", "methods",
    "training", "evaluation", "analysis",
)  # fmt: skip
KEDRO_IN_COMMON = {"common.integrity", "common.writable"}
"""What Kedro's datasets refuse, and where they write."""
AT_THE_ROOT = {"__init__", "__main__", "settings", "pipeline_registry"}
SAME_THING = {"__init__", "base", "nodes", "pipeline", "train", "analyze", "bestiary", "evaluate"}
"""Names that several modules may have: in folders side by side they are the same thing."""
LINES = 250


@pytest.fixture(scope="module")
def modules(project_path) -> dict[str, Path]:
    root = project_path / "src" / PACKAGE
    files = {".".join(f.relative_to(root).with_suffix("").parts): f for f in root.rglob("*.py")}
    return {name.removesuffix(".__init__") or "__init__": file for name, file in files.items()}


@pytest.fixture(scope="module")
def imports(modules) -> dict[str, set[str]]:
    """For each module those of this package that it imports, at its top or in a function."""
    return {name: {*imported(file, modules)} for name, file in modules.items()}


def imported(file: Path, modules: dict[str, Path]):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == PACKAGE:
            base = node.module.removeprefix(PACKAGE).lstrip(".")
            for alias in node.names:
                full = f"{base}.{alias.name}".lstrip(".")
                yield full if full in modules else base
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            yield from (f"> {name.partition('.')[0]}" for name in names if name)


def test_no_arrow_points_upward(imports):
    upward = [
        f"{name} -> {other}"
        for name, others in imports.items()
        for other in others
        if not other.startswith(">") and name != "__init__" and other
        if LAYERS.index(other.partition(".")[0]) > LAYERS.index(name.partition(".")[0])
    ]
    assert not upward


def test_there_is_no_circle(imports):
    graph = {
        name: {other for other in others if not other.startswith(">")} - {name}
        for name, others in imports.items()
    }
    assert len([*TopologicalSorter(graph).static_order()]) >= len(graph)


def test_the_science_knows_nothing_of_kedro(imports):
    found = [
        name
        for name, others in imports.items()
        if name.partition(".")[0] in WITHOUT_KEDRO and name not in KEDRO_IN_COMMON
        if others & {"> kedro", "> kedro_datasets"}
    ]
    assert not found


def test_no_code_of_training_or_evaluation_names_a_model_or_a_method(imports):
    named = {"policies.stable_diffusion", "methods.standard"}
    users = {name for name, others in imports.items() if others & named}
    assert not [name for name in users if not name.startswith(("policies", "methods"))]


def test_only_kedro_s_own_modules_lie_at_the_root(modules, project_path):
    root = project_path / "src" / PACKAGE
    assert {path.stem for path in root.glob("*.py")} == AT_THE_ROOT


def test_names_are_given_once(modules):
    names = Counter(file.stem for file in modules.values() if file.stem not in SAME_THING)
    assert not [name for name, count in names.items() if count > 1]


def test_modules_are_short(modules):
    lengths = {name: len(file.read_text().splitlines()) for name, file in modules.items()}
    assert not {name: length for name, length in lengths.items() if length > LINES}
