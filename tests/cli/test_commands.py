"""The command line of the package: which commands there are, and that `run` is the first."""

import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint

import click
import pytest
from click.testing import CliRunner

from drift_pipeline.__main__ import main
from drift_pipeline.cli import commands


@pytest.fixture
def run(monkeypatch):
    """Stands for Kedro's `run`; what it was given."""
    given = []

    @click.command()
    @click.option("--pipelines")
    @click.option("--env", "-e")
    def stand_in(**options):
        given.append({key: value for key, value in options.items() if value})

    monkeypatch.setattr("kedro.framework.cli.utils.find_run_command", lambda _: stand_in)
    return given


def test_without_a_command_it_runs(run):
    calls = ([], ["--pipelines=train"], ["-e", "smoke"], ["run", "--pipelines", "train"])
    for arguments in calls:
        ended = CliRunner().invoke(commands.commands, arguments)
        assert ended.exit_code == 0, ended.output
    assert run == [{}, {"pipelines": "train"}, {"env": "smoke"}, {"pipelines": "train"}]


def test_it_is_called_as_kedros_packages_are(run, monkeypatch):
    monkeypatch.setattr("sys.ps1", "", raising=False)  # so that it returns
    main(["--pipelines", "train"])
    assert run == [{"pipelines": "train"}]


def test_every_command_can_be_called():
    ended = CliRunner().invoke(commands.commands, ["--help"])
    for name in ("run", *commands.COMMANDS):
        assert f"\n  {name} " in ended.output
        usage = CliRunner().invoke(commands.commands, [name, "--help"]).output
        assert usage.startswith("Usage: drift-pipeline ")
    ended = CliRunner().invoke(commands.commands, ["exprot"])
    assert ended.exit_code == 2
    assert "No such command 'exprot'; there are: run, draw, export, fetch," in ended.output


def test_naming_the_commands_imports_nothing_heavy():
    code = (
        "import drift_pipeline.cli.commands, sys; "
        "print({'torch', 'pandas', 'kedro'} & {*sys.modules})"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stdout == "set()\n"


def test_the_installed_script_is_this_module(project_path):
    scripts = tomllib.loads((project_path / "pyproject.toml").read_text())["project"]["scripts"]
    (script,) = scripts.items()
    assert script[0] == "drift-pipeline"
    assert EntryPoint(*script, "console_scripts").load() is main


def test_everything_that_is_no_module_is_in_the_package(project_path):
    setup = tomllib.loads((project_path / "pyproject.toml").read_text())["tool"]["setuptools"]
    root, kept = project_path / "src/drift_pipeline", set()
    for package, patterns in setup["package-data"].items():
        folder = root.joinpath(*package.split(".")[1:])
        kept |= {path for pattern in patterns for path in folder.glob(pattern)}
    others = {path for path in root.rglob("*.*") if path.suffix not in (".py", ".pyc")}
    assert others
    assert {path for path in others if path.is_file()} <= kept
    modules = {path.parent for path in root.rglob("*.py")}
    assert all((folder / "__init__.py").exists() for folder in modules)
