"""Whatever a stage depends on changes its file, and nothing else does."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from drift_pipeline.cli.fingerprints import fingerprints
from drift_pipeline.cli.paper import read_paper, runs_of
from drift_pipeline.common.errors import ConfigurationError

RUN = "drift-pickscore-s42"


@pytest.fixture
def root(project_path, tmp_path) -> Path:
    """The project's configuration and prompts, to be changed by the test."""
    shutil.copytree(project_path / "conf", tmp_path / "conf")
    shutil.copytree(project_path / "data/01_raw", tmp_path / "data/01_raw")
    paper = yaml.safe_load((project_path / "params.yaml").read_text())
    few = {"seeds": [42], "ablation_seeds": [42], "repeats": ["drift"], "repeat_seeds": [43]}
    few |= {"demanding": []}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({**paper, **few}))
    return tmp_path


def read(root: Path) -> dict[str, Any]:
    return {str(name): values for name, values in fingerprints(root, "bestiary")}


def changed(root: Path, before: dict[str, Any]) -> set[str]:
    after = read(root)
    assert after.keys() == before.keys()
    return {name for name in before if before[name] != after[name]}


def test_every_run_of_the_paper_has_three(root):
    runs = ["-".join(map(str, key[:2])) + f"-s{key[2]}" for key in runs_of(read_paper(root))]
    assert RUN in runs and len(runs) == len({*runs})
    stages = {f"{kind}/{run}.json" for kind in ("train", "generate", "measure") for run in runs}
    assert read(root).keys() == stages | {"generate/base.json", "measure/base.json"}
    assert read(root) == read(root)


def test_an_edited_prompts_file_changes_what_reads_it(root):
    own = root / "data/01_raw/prompts/own.txt"
    own.write_text("a photo of a cat\n")
    local = root / "conf/bestiary/parameters_own.yml"
    local.write_text("train:\n  prompts: data/01_raw/prompts/own.txt\n")
    before = read(root)
    own.write_text("a photo of a dog\n")
    assert changed(root, before) == {name for name in before if name.startswith("train/")}
    before = read(root)
    (root / "data/01_raw/prompts/evaluation.txt").write_text("a photo of a cow\n")
    # What is drawn, and the prompts that shows_prompt chooses from.
    drawn = {name for name in before if name.startswith("generate/")}
    assert changed(root, before) == drawn | {name for name in before if name.startswith("measure/")}


@pytest.mark.parametrize(
    ("file", "old", "new", "stages"),
    [
        ("parameters_train", "learning_rate: null", "learning_rate: 2.0e-3", {"train"}),
        ("parameters_train", "workers: 2", "workers: 1", set()),
        ("parameters_train", "steps: 8", "steps: 9", {"train", "generate"}),
        ("parameters_generate", "first_seed: 0", "first_seed: 7", {"generate"}),
        ("parameters_measure", "recall_k: 10", "recall_k: 9", {"measure"}),
        ("parameters_analyze", "title: Noise", "title: Much noise", set()),
    ],
)
def test_a_parameter_changes_the_stages_that_depend_on_it(root, file, old, new, stages):
    before = read(root)
    path = root / f"conf/base/{file}.yml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert changed(root, before) == {name for name in before if name.partition("/")[0] in stages}


def test_a_methods_parameter_changes_its_own_runs_alone(root):
    before = read(root)
    path = root / "conf/base/parameters_methods.yml"
    path.write_text(path.read_text().replace("kl_beta: 0.001", "kl_beta: 0.002"))
    assert changed(root, before) == {
        "train/grpo_kl-pickscore-s42.json",
        "train/grpo_kl-hpsv2-s42.json",
    }


def test_blends_change_the_runs_that_draw_them(root):
    before = read(root)
    path = root / "conf/base/parameters_generate.yml"
    path.write_text(path.read_text().replace("{anneal: 4.0}", "{anneal: 5.0}"))
    blended = {"generate/grpo-pickscore-s42.json", "generate/grpo-hpsv2-s42.json"}
    assert changed(root, before) == blended
    path.write_text(path.read_text().replace("free: [grpo]", "free: [drift, gpro]"))
    with pytest.raises(ConfigurationError, match=r"no method 'gpro'; did you mean grpo\?"):
        read(root)


def test_a_list_that_is_missing_is_named(root):
    paper = yaml.safe_load((root / "params.yaml").read_text())
    del paper["repeat_seeds"]
    (root / "params.yaml").write_text(yaml.safe_dump(paper))
    with pytest.raises(ConfigurationError, match=r"params.yaml: repeat_seeds must be a list"):
        read(root)


def test_rewards_that_would_not_judge_the_base_model_are_refused(root):
    paper = yaml.safe_load((root / "params.yaml").read_text())
    (root / "params.yaml").write_text(yaml.safe_dump({**paper, "rewards": ["pickscore", "mine"]}))
    with pytest.raises(
        ConfigurationError, match=r"mine of params.yaml .*\[pickscore, hpsv2, .*, mine\]"
    ):
        read(root)


def test_an_unknown_environment_is_named(root):
    with pytest.raises(ConfigurationError, match="there is no environment 'nix'"):
        list(fingerprints(root, "nix"))
