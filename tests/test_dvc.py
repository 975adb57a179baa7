"""`dvc repro` of the whole paper in the smoke profile, in a copy of the project."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest
import yaml

EPOCHS = 6
PARAMETERS = {
    "profile": "smoke",
    "methods": ["drift"],
    "rewards": ["pickscore"],
    "ablations": [],
    "ablation_rewards": ["pickscore"],
    "ablation_seeds": [42],
    "seeds": [42],
    "repeats": ["drift"],
    "repeat_rewards": ["pickscore"],
    "repeat_seeds": [],
    "demanding": [],
    "demanding_rewards": ["dusk"],
    "demanding_seeds": [11],
}


class Project:
    """A copy of what git knows of the project, with a repository of its own."""

    def __init__(self, source: Path, target: Path) -> None:
        self.path = target
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=source, capture_output=True, text=True, check=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            if (source / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / name, target / name)
        subprocess.run(["git", "init", "-q"], cwd=target, check=True)

    def start(self, *command: str) -> subprocess.Popen:
        programs = Path(sys.executable).parent
        # as on most machines: bytecode appears among the sources while the stages run
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {
            "PYTHONPATH": str(self.path / "src"),
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        }
        return subprocess.Popen(
            [str(programs / "dvc"), *command], cwd=self.path, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def dvc(self, *command: str) -> str:
        process = self.start(*command)
        printed, _ = process.communicate()
        assert process.returncode == 0, printed
        return printed


def stages_run(printed: str) -> list[str]:
    return [line.split("'")[1] for line in printed.splitlines() if line.startswith("Running stage")]


@pytest.fixture(scope="module")
def project(tmp_path_factory, project_path) -> Project:
    """The smoke profile, trained, measured and analysed, after a kill in the middle of a run."""
    copy = Project(project_path, tmp_path_factory.mktemp("paper") / "project")
    (copy.path / "params.yaml").write_text(yaml.safe_dump(PARAMETERS))
    train = copy.path / "conf/smoke/parameters_train.yml"
    train.write_text(train.read_text().replace("epochs: 2", f"epochs: {EPOCHS}"))
    # The kept models stand for what the first stage would make.
    copy.dvc("commit", "-f", "bestiary")
    return copy


@pytest.fixture(scope="module")
def printed(project) -> str:
    """What `dvc repro` says after a first one was killed."""
    run = project.path / "data/06_models/runs/smoke/drift-pickscore-s42"
    process = project.start("repro", "train@drift-pickscore-42")
    while process.poll() is None and not (run / "epoch_0002/policy").exists():
        sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kept = (run / "epoch_0002/policy/state.json").stat().st_mtime_ns
    assert not (run / "lora").exists()
    printed = project.dvc("repro")
    assert (run / "lora").exists()
    assert (run / "epoch_0002/policy/state.json").stat().st_mtime_ns == kept
    return printed


def test_the_kept_bestiary_is_not_made_again(project_path):
    """Where only words or places have changed: `dvc commit -f bestiary`, see CONTRIBUTING."""
    command = [sys.executable, "-m", "dvc", "status", "bestiary", "--json"]
    said = subprocess.run(command, cwd=project_path, capture_output=True, text=True, check=True)
    assert json.loads(said.stdout) == {}


def test_everything_ends_in_the_report(project, printed):
    assert stages_run(printed)[-1] == "analyze"
    reporting = project.path / "data/08_reporting/smoke"
    page = (reporting / "analysis/report.html").read_text(encoding="utf-8")
    assert "drift-pickscore-s42" in page
    assert (reporting / "analysis/pickscore/table_1.md").exists()
    assert stages_run(project.dvc("repro")) == ["fingerprints"]
    lines = project.dvc("metrics", "show").splitlines()
    assert "pickscore.json" in "".join(lines)
    assert max(map(len, lines)) <= 100


def test_ablations_and_repetitions_are_stages_of_their_own(project):
    params = project.path / "params.yaml"
    before = params.read_text()
    params.write_text(yaml.safe_dump({**PARAMETERS, "ablations": ["noise"], "repeat_seeds": [43]}))
    listed = {line.split()[0] for line in project.dvc("stage", "list").splitlines()}
    params.write_text(before)
    for stage in ("train", "generate", "measure"):
        assert f"{stage}_repeat@drift-pickscore-43" in listed
        assert f"{stage}_ablation@noise-pickscore-42" in listed


@pytest.mark.parametrize(
    "name",
    [
        "conf/base/parameters_methods.yml",
        "conf/base/parameters_rewards.yml",
        "src/drift_pipeline/analysis/figures/fronts.py",
        "src/drift_pipeline/config/analysis.py",
    ],
)
def test_what_the_report_is_made_with_renews_nothing_else(project, printed, name):
    file = project.path / name
    before = file.read_text()
    file.write_text(before + "\n# touched\n")
    assert stages_run(project.dvc("repro", "--dry")) == ["fingerprints", "analyze"]
    file.write_text(before)
    assert stages_run(project.dvc("repro", "--dry")) == ["fingerprints"]


def test_results_can_be_pushed_and_pulled(project, printed, tmp_path):
    project.dvc("remote", "add", "-d", "shelf", str(tmp_path / "shelf"))
    project.dvc("push")
    run = project.path / "data/06_models/runs/smoke/drift-pickscore-s42"
    lora = (run / "lora/pytorch_lora_weights.safetensors").read_bytes()
    shutil.rmtree(project.path / ".dvc/cache")
    shutil.rmtree(run)
    project.dvc("pull", "train@drift-pickscore-42")
    assert (run / "lora/pytorch_lora_weights.safetensors").read_bytes() == lora
