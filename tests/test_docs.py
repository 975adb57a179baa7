"""The documentation: links lead somewhere, and quoted commands name things that exist."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from drift_pipeline.cli.commands import COMMANDS, commands
from drift_pipeline.config.check import check_parameters
from drift_pipeline.settings import CONFIG_LOADER_ARGS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *(path for path in sorted(ROOT.glob("docs/**/*.md")) if "results" not in path.parts),
]
PIPELINES = {"__default__", *(path.parent.name for path in ROOT.glob("src/*/pipelines/*/nodes.py"))}
LONGEST = 150

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^][]*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *#*$", re.MULTILINE)
VARIABLES = re.compile(r"^(?:[A-Z_]+=\S+ +)+")
KEDRO, SCRIPTS = "kedro run", "python benchmarks/"
OURS = ("drift-pipeline", "python -m drift_pipeline")
CHECKED = (KEDRO, SCRIPTS, *OURS)


def links(text: str) -> list[str]:
    """Targets of links and images; code is no link."""
    return LINK.findall(SPAN.sub("code", FENCE.sub("", text)))


def anchors(text: str) -> set[str]:
    """What GitHub calls the headings: lower case, without punctuation, numbered where repeated."""
    seen: dict[str, int] = {}
    found = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = LINK.sub(lambda link: link[0].partition("]")[0], heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = seen[slug] = seen.get(slug, -1) + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def commands_in(text: str) -> list[str]:
    """Commands in code blocks and in running text, without variables, comments and their folder."""
    lines = [line for _, block in FENCE.findall(text) for line in block.splitlines()]
    spans = [" ".join(span.split()) for span in SPAN.findall(FENCE.sub("", text))]
    plain = [VARIABLES.sub("", line.strip()).removeprefix(".venv/bin/") for line in lines + spans]
    plain = [re.sub(r"\s+#.*", "", line) for line in plain]
    return [line for line in plain if line.startswith(CHECKED)]


def examples_in(text: str) -> list[dict[str, Any]]:
    """Parameters that code blocks in YAML define."""
    blocks = [yaml.safe_load(block) for kind, block in FENCE.findall(text) if kind == "yaml"]
    return [block for block in blocks if isinstance(block, dict)]


def environments_in(text: str) -> set[str]:
    """Environments that a page has its reader make: folders of the files that are its YAML."""
    blocks = [block for kind, block in FENCE.findall(text) if kind == "yaml"]
    return {found[1] for block in blocks if (found := re.match(r"# conf/(\w+)/", block))}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


QUOTED = [
    pytest.param(path, command, id=f"{name_of(path)}: {command}")
    for path in DOCUMENTS
    for command in dict.fromkeys(commands_in(path.read_text(encoding="utf-8")))
]


@pytest.fixture(scope="module")
def kept() -> set[Path]:
    """Files that git has or would take, and their folders."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    files = [file for file in files if file.exists()]
    return {*files, *(folder for file in files for folder in file.parents)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path, kept):
    broken = []
    for link in links(path.read_text(encoding="utf-8")):
        if re.match(r"\w+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        there = target in kept
        if not there or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    assert not broken


def test_every_page_is_in_the_index():
    listed = links((ROOT / "docs/README.md").read_text(encoding="utf-8"))
    pages = {path.name for path in ROOT.glob("docs/*.md")} - {"README.md"}
    assert pages <= {*listed}


def test_the_readme_is_an_overview():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_the_citation_file_has_what_is_required():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "license"} <= citation.keys()
    assert citation["authors"] == [{"name": "drift_pipeline contributors"}]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{citation["version"]}"' in project
    assert f'license = "{citation["license"]}"' in project
    (paper,) = citation["references"]
    assert {"type", "title", "authors"} <= paper.keys()
    assert "2601.12401" in paper["url"]
    assert all({"family-names", "given-names"} == author.keys() for author in paper["authors"])


@pytest.mark.parametrize(("path", "command"), QUOTED)
def test_quoted_commands_name_what_exists(path, command):
    words = shlex.split(command)
    if command.startswith(SCRIPTS):
        check_script(words[1], words[2:])
    elif command.startswith(KEDRO):
        text = path.read_text(encoding="utf-8")
        check_run(words[2:], examples_in(text), environments_in(text))
    elif words[0] == OURS[0]:
        check_ours(words[1:])
    else:
        check_ours([*words[2].split(".")[1:], *words[3:]])


def test_the_checks_find_mistakes():
    """What the tests above would overlook if their patterns matched nothing."""
    assert len(QUOTED) > 20
    assert links("[a](b.md#c) `[no](code.md)` ![d](e.png)\n```sh\n[no](x.md)\n```") == [
        "b.md#c",
        "e.png",
    ]
    assert anchors("# What's `a_b`, and why?\n## A\n## A\n") == {"whats-a_b-and-why", "a", "a-1"}
    for wrong in (
        "--pipelines=trian",
        "--pipeline_names=train",
        "--params train.epoch=3",
        "--params method=drfit",
        "--params reward=hps",
        "--env=papers",
        "--pipelines=train --namespaces=training.epoch_0061",
    ):
        with pytest.raises((AssertionError, click.ClickException)):
            check_run(shlex.split(wrong), [])
    with pytest.raises(AssertionError):
        check_script("benchmarks/kills.py", ["--kill", "3"])
    with pytest.raises(click.UsageError):
        check_ours(["export", "--runs", "drift-pickscore-s42"])


def check_script(file: str, words: list[str]) -> None:
    """A script and its options are there."""
    assert (ROOT / file).is_file(), file
    source = (ROOT / file).read_text(encoding="utf-8")
    unknown = [word for word in words if word.startswith("--") and f'"{word}"' not in source]
    assert not unknown


def check_ours(words: list[str]) -> None:
    """A subcommand of our own and its options are there; a mention may lack what it requires."""
    if not words or words[0].startswith("-"):
        check_run(words, [])
        return
    assert words[0] in {"run", *COMMANDS}
    command = commands.get_command(click.Context(commands), words[0])
    assert command is not None
    try:
        given = command.make_context(words[0], words[1:]).params
    except click.MissingParameter:
        return
    assert not given.get("env") or given["env"] in environments()


def check_run(words: list[str], examples: list[dict[str, Any]], made: Collection[str] = ()) -> None:
    """Options, pipelines, environment, parameters and namespaces of `kedro run` are there."""
    from drift_pipeline.cli.kedro_run import run

    given = run.make_context("run", words).params
    names = (given["pipelines"] or []) + ([given["pipeline"]] if given["pipeline"] else [])
    assert {*names} <= PIPELINES
    env = given["env"] if given["env"] not in made else None
    assert not env or env in environments()
    parameters = OmegaConf.merge(base_parameters(env), *examples, given["params"] or {})
    plain: Any = OmegaConf.to_container(parameters)
    check_parameters(plain, given["params"] or {})
    assert plain["method"] in plain["methods"]
    assert plain["reward"] in plain["rewards"]
    for space in given["namespaces"] or []:
        assert space in namespaces(plain["methods"][plain["method"]]["epochs"])


def environments() -> set[str]:
    return {path.name for path in ROOT.glob("conf/*/")}


@cache
def base_parameters(env: str | None) -> Any:
    """Parameters of an environment, as a run reads them."""
    arguments: dict[str, Any] = CONFIG_LOADER_ARGS
    loader = OmegaConfigLoader(ROOT / "conf", env=env or "bestiary", **arguments)
    return OmegaConf.create(loader["parameters"])


@cache
def namespaces(epochs: int) -> set[str]:
    from drift_pipeline.pipelines.train import create_pipeline

    return {node.namespace for node in create_pipeline(epochs).nodes if node.namespace}
