"""Which source counts: what a module imports of ours, found without running any of it."""

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from drift_pipeline.common import source

FILES = {
    "acme/__init__.py": "",
    "acme/rewards.py": """
        import json
        import torch
        from acme import colours, __doc__
        from .deep.shades import *
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from acme import only_types
        else:
            import acme.otherwise
        class Bright:
            def __call__(self, images, prompts):
                from acme.lazy import mean
                return mean(images)
        raise RuntimeError("is never run")
    """,
    "acme/colours.py": "import importlib\nblue = importlib.import_module('acme.named')",
    "acme/deep/__init__.py": "from . import inner",
    "acme/deep/inner.py": "from .. import rewards",
    "acme/deep/shades.py": "dark = 1",
    "acme/lazy.py": "def mean(images): return images",
    "acme/named.py": "x = 1",
    "acme/only_types.py": "x = 1",
    "acme/otherwise.py": "x = 1",
    "acme/unrelated.py": "x = 1",
    "spaces/part/mine.py": "import acme.lazy",
}
IMPORTED = {
    "acme", "acme.rewards", "acme.colours", "acme.deep", "acme.deep.inner", "acme.deep.shades",
    "acme.lazy", "acme.named", "acme.otherwise",
}  # fmt: skip


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project's source folder on the path, and a place where packages are installed."""
    for name, text in FILES.items():
        write(tmp_path / "src" / name, text)
    (tmp_path / "site-packages").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "src")
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    source.read.cache_clear()
    yield tmp_path
    source.read.cache_clear()
    source._distributions.cache_clear()


def write(path: Path, text: str) -> None:
    lines = text.strip("\n").splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(line[margin:] for line in lines))
    source.read.cache_clear()


def test_imports_are_followed_and_nothing_is_run(project):
    assert set(source.sources(["acme.rewards"])) == IMPORTED
    assert not [name for name in sys.modules if name.split(".")[0] == "acme"]


def test_some_modules_count_alone_or_not_at_all(project):
    found = source.sources(["acme.deep.shades"], alone=["acme.rewards"], without={"acme.deep"})
    assert set(found) == {"acme", "acme.deep.shades", "acme.rewards"}


def test_a_folder_without_init_is_a_package_too(project):
    assert set(source.sources(["spaces.part.mine"])) == {"spaces.part.mine", "acme", "acme.lazy"}


@pytest.mark.parametrize("module", sorted(IMPORTED))
def test_an_edit_anywhere_below_changes_the_origin(project, module):
    before = source.origin("acme.rewards.Bright")
    file = source.sources([module])[module]
    write(file, file.read_text() + "\n# edited")
    assert source.origin("acme.rewards.Bright") != before
    assert before.startswith("source ")


@pytest.mark.parametrize("module", ["only_types", "unrelated"])
def test_an_edit_elsewhere_changes_nothing(project, module):
    before = source.origin("acme.rewards.Bright")
    write(project / "src" / "acme" / f"{module}.py", "x = 2")
    assert source.origin("acme.rewards.Bright") == before


def test_the_place_on_the_disk_does_not_count(project, monkeypatch):
    before = source.origin("acme.rewards.Bright")
    (project / "src").rename(project / "moved")
    monkeypatch.syspath_prepend(project / "moved")
    source.read.cache_clear()
    assert source.origin("acme.rewards.Bright") == before


def test_a_file_is_read_once_in_a_process(project):
    """An edit while a run goes on is not what the process has imported."""
    before = source.origin("acme.rewards.Bright")
    (project / "src/acme/lazy.py").write_text("edited = True")
    assert source.origin("acme.rewards.Bright") == before


def test_an_installed_class_counts_by_its_distribution(project):
    place = project / "site-packages"
    write(place / "bought" / "__init__.py", "")
    write(place / "bought" / "rewards.py", "import bought.helper\nclass Bright: ...")
    info = place / "bought_rewards-1.2.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: bought-rewards\nVersion: 1.2\n")
    write(info / "RECORD", "bought/__init__.py,,\nbought/rewards.py,,\n")
    source._distributions.cache_clear()
    assert source.origin("bought.rewards.Bright") == "bought-rewards 1.2"
    write(place / "bought" / "rewards.py", "class Bright: edited = True")
    assert source.origin("bought.rewards.Bright") == "bought-rewards 1.2"
    assert set(source.sources(["acme.rewards"])) == IMPORTED


def test_a_loose_installed_module_counts_by_its_source(project):
    write(project / "site-packages" / "loose.py", "class Bright: ...")
    before = source.origin("loose.Bright")
    write(project / "site-packages" / "loose.py", "class Bright: edited = True")
    assert before.startswith("source ") and source.origin("loose.Bright") != before


def test_known_distributions_and_python_itself():
    assert source.origin("torch.nn.Linear") == f"torch {version('torch')}"
    assert source.origin("json.dumps").startswith("Python 3.")


@pytest.mark.parametrize("path", ["acme.none.Bright", "nowhere.Bright", "Bright", "acme.lazy.a.b"])
def test_what_is_not_there_is_refused(project, path):
    with pytest.raises(ModuleNotFoundError, match="No module named"):
        source.origin(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acme.rewards.Bright", True), ("torch.nn.Linear", False), ("json.dumps", False),
        ("weights.pt", False), ("acme", False), ("ViT-B-32", False), ("a b.c", False),
        ("../x.y", False), ("1.5", False), ("...", False),
    ],
)  # fmt: skip
def test_dotted_paths_of_edited_source_are_told_from_other_texts(project, text, expected):
    assert source.names_source(text) is expected
