import json
from pathlib import Path

import pytest

from drift_pipeline.parameters import ConfigurationError
from drift_pipeline.runs import CODE
from drift_pipeline.state import RunFolder

IDENTITY = {"method": "drift", "seed": 42, "train.sampling.steps": 8}


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    """Three trained epochs, the initial policy, results and something of the user's own."""
    run = RunFolder(tmp_path / "drift-pickscore-s42")
    for epoch in range(4):
        policy = run.path / f"epoch_{epoch:04d}" / "policy"
        policy.mkdir(parents=True)
        (policy / "state.json").write_text(json.dumps({"parameters": IDENTITY}))
        (policy / "optimizer.safetensors").write_text("")
    (run.path / "lora").mkdir()
    for name in ("training_curve.parquet", "training_curve.json", "notes.txt"):
        (run.path / name).write_text("")
    return run


def names(folder: RunFolder) -> set[str]:
    return {path.name for path in folder.path.iterdir()}


def test_a_new_run(tmp_path):
    run = RunFolder(tmp_path / "none")
    assert run.check(IDENTITY, 5) == 0
    assert run.last_epoch() is None
    assert not run.finished(5)
    run.tidy()
    assert run.set_aside() is None
    assert not run.path.exists()


def test_the_same_parameters_go_on(folder):
    assert folder.check(IDENTITY, 3) == 3
    assert folder.check(dict(reversed(IDENTITY.items())), 9) == 3


def test_other_code_is_said_and_refused_only_where_asked_for(folder, caplog):
    new = {**IDENTITY, CODE: "abc"}
    assert folder.check(new, 3) == 3
    assert "was begun with other code" in caplog.text
    with pytest.raises(ConfigurationError, match=f"{CODE}: absent -> abc"):
        folder.check(new, 3, same_code=True)


def test_other_parameters_are_refused_by_name(folder):
    new = {"method": "drift", "seed": 1, "train.sampling.eta": 0.5}
    with pytest.raises(ConfigurationError) as error:
        folder.check(new, 5)
    message = str(error.value)
    assert "\n" not in message
    for part in (
        "drift-pickscore-s42 was trained with other parameters",
        "seed: 42 -> 1",
        "train.sampling.eta: absent -> 0.5",
        "train.sampling.steps: 8 -> absent",
        "--params train.start_over=true",
    ):
        assert part in message
    assert "method" not in message


def test_many_differences_are_counted(folder):
    with pytest.raises(ConfigurationError, match=r"and 17 more\)"):
        folder.check({f"train.p{number:02d}": 1 for number in range(20)}, 5)


def test_fewer_epochs_than_there_are_is_refused(folder):
    with pytest.raises(ConfigurationError, match=r"has 3 epochs, more than train\.epochs=2"):
        folder.check(IDENTITY, 2)


def test_a_state_that_cannot_be_read_is_named(folder):
    (folder.path / "epoch_0003" / "policy" / "state.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"epoch_0003/policy/state.json cannot be read"):
        folder.check(IDENTITY, 5)


def test_results_are_of_so_many_epochs(folder):
    assert not folder.finished(3)
    (folder.path / "finished.json").write_text('{"epochs": 3}')
    assert folder.finished(3)
    assert not folder.finished(4)
    (folder.path / "finished.json").write_text("{")
    assert not folder.finished(3)


def test_leftovers_of_a_killed_process_go(folder):
    epoch = folder.path / "epoch_0003"
    (epoch / ".policy.part").mkdir()
    (epoch / ".candidates.part.parquet").write_text("half")
    folder.tidy()
    assert [path.name for path in epoch.iterdir()] == ["policy"]


def test_what_a_killed_process_was_about_to_replace_comes_back(folder):
    policy = folder.path / "epoch_0003" / "policy"
    policy.rename(policy.with_name(".policy.old"))
    (folder.path / ".lora.old").mkdir()  # the new one was in its place already
    folder.tidy()
    assert (policy / "state.json").exists()
    assert names(folder) >= {"lora", "epoch_0003"}
    assert not list(folder.path.rglob(".*.old"))


def test_starting_over_sets_aside_what_training_wrote_and_nothing_else(folder):
    (folder.path / "lora_epoch_0002").mkdir()
    state = (folder.path / "epoch_0002/policy/state.json").read_bytes()
    aside = folder.set_aside()
    assert names(folder) == {"notes.txt"}
    assert aside == folder.path.parent / "set_aside" / "drift-pickscore-s42-1"
    assert (aside / "epoch_0002/policy/state.json").read_bytes() == state
    assert names(RunFolder(aside)) == {
        *(f"epoch_{epoch:04d}" for epoch in range(4)),
        "lora",
        "lora_epoch_0002",
        "training_curve.parquet",
        "training_curve.json",
    }
    (folder.path / "epoch_0000").mkdir()
    assert folder.set_aside() == aside.with_name("drift-pickscore-s42-2")


@pytest.mark.parametrize("renames", range(7))
def test_setting_aside_may_be_killed_at_any_time(folder, renames, monkeypatch):
    """What is left is the beginning of the old run, and the second attempt takes that, too."""
    rename, done = Path.rename, []

    def rename_or_die(path, target):
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(path)
        return rename(path, target)

    before = {path.name for path in folder.path.iterdir()} - {"notes.txt"}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", rename_or_die)
        folder.set_aside()
    epochs = [path for path in done if path.name.startswith("epoch_")]
    assert folder.check(IDENTITY, 3) == max(0, 3 - len(epochs))
    folder.set_aside()
    assert names(folder) == {"notes.txt"}
    aside = folder.path.parent / "set_aside"
    assert {path.name for path in aside.glob("*/*")} == before


def test_a_missing_epoch_is_named(folder):
    (folder.path / "epoch_0001").rename(folder.path / "aside")
    message = r"has a policy of epoch 3 but none of epoch 1; put epoch_0001 back, or start over"
    with pytest.raises(ConfigurationError, match=message) as error:
        folder.check(IDENTITY, 5)
    assert "\n" not in str(error.value)


def test_only_recent_policies_keep_the_optimizer(folder):
    folder.forget_optimizers(before=2)
    kept = [path.exists() for path in sorted(folder.path.glob("epoch_*/policy/optimizer*"))]
    assert len(kept) == 2
    assert folder.states().keys() == {0, 1, 2, 3}
