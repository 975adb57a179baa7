from pathlib import Path

import pytest

from drift_pipeline.common.atomic import replacing
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.integrity import replacing_summed, sealed
from drift_pipeline.common.versions import versions
from drift_pipeline.runs.agreement import EARLIER
from drift_pipeline.runs.folder import TABLES, RunFolder
from drift_pipeline.runs.identity import TRAINING_CODE

IDENTITY = {"method": "drift", "seed": 42, "train.sampling.steps": 8}
SCORER = "rewards.mine.scorer"


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    """Three trained epochs, the initial policy, results and something of the user's own."""
    run = RunFolder(tmp_path / "drift-pickscore-s42")
    for epoch in range(4):
        policy = run.path / f"epoch_{epoch:04d}" / "policy"
        policy.mkdir(parents=True)
        write_state(run, epoch, IDENTITY)
        for name in TABLES if epoch else ():
            with replacing_summed(policy.parent / name) as part:
                part.write_bytes(b"{}" if name.endswith("json") else b"PAR1 rows PAR1")
    (run.path / "lora").mkdir()
    for name in ("training_curve.parquet", "training_curve.json", "notes.txt"):
        (run.path / name).write_text("")
    return run


def write_state(run: RunFolder, epoch: int, parameters: dict, **more) -> None:
    policy = run.path / f"epoch_{epoch:04d}" / "policy"
    files = [policy / "adapter.safetensors", policy / "optimizer.safetensors"]
    for file in files:
        file.write_text(file.stem)
    values = {"epoch": epoch, "parameters": parameters, **more}
    (policy / "state.json").write_text(sealed(values, files))


def write_states(run: RunFolder, parameters: dict) -> None:
    for epoch in range(4):
        write_state(run, epoch, parameters)


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


@pytest.mark.parametrize(
    ("key", "what"),
    [
        (TRAINING_CODE, r"this package's training code \(absent -> source abc\)"),
        (f"{SCORER} (source)", rf"{SCORER}: my.Bright or what it imports \(absent -> source abc\)"),
    ],
)
def test_other_source_is_refused_unless_it_is_asked_for(folder, key, what, caplog):
    old = {**IDENTITY, SCORER: "my.Bright"}
    write_states(folder, old)
    new = {**old, key: "source abc"}
    message = (
        rf"was trained by other source: {what}; put the old source back, continue by the new one "
        r"with --params train.if_changed=continue, or start over with "
        r"--params train.start_over=true"
    )
    with pytest.raises(ConfigurationError, match=message) as error:
        folder.check(new, 3)
    assert "\n" not in str(error.value)
    assert folder.check(new, 3, other_source=True) == 3
    assert "continues by other source than before" in caplog.text
    with pytest.raises(ConfigurationError, match=r"other parameters .*seed: 42 -> 1"):
        folder.check({**new, "seed": 1}, 3, other_source=True)


def test_another_class_is_another_parameter_and_no_more(folder):
    write_state(folder, 3, {**IDENTITY, SCORER: "my.Bright", f"{SCORER} (source)": "a"})
    new = {**IDENTITY, SCORER: "my.Dark", f"{SCORER} (source)": "b"}
    with pytest.raises(ConfigurationError, match=rf"\({SCORER}: my.Bright -> my.Dark\);"):
        folder.check(new, 3, other_source=True)


def test_a_state_of_an_earlier_version_is_told_so_in_one_line(folder, caplog):
    write_states(folder, {**IDENTITY, EARLIER: "abc", "train.base_model (files)": "def"})
    new = {**IDENTITY, TRAINING_CODE: "ghi", "train.base_model (content)": "jkl"}
    message = "trained by other source: an earlier version of this package, .*if_changed=continue"
    with pytest.raises(ConfigurationError, match=message) as error:
        folder.check(new, 3)
    assert "\n" not in str(error.value)
    assert folder.check(new, 3, other_source=True) == 3
    with pytest.raises(ConfigurationError, match=r"other parameters \(seed: 42 -> 1\)"):
        folder.check({**new, "seed": 1}, 3, other_source=True)


def test_a_commit_counts_where_both_know_it(folder):
    key = "train.base_model (commit)"
    assert folder.check({**IDENTITY, key: "abc"}, 3) == 3
    write_state(folder, 3, {**IDENTITY, key: "abc"})
    assert folder.check(IDENTITY, 3) == 3
    with pytest.raises(ConfigurationError, match=r"base_model \(commit\): abc -> def"):
        folder.check({**IDENTITY, key: "def"}, 3)


def test_other_versions_are_said_where_training_goes_on(folder, caplog):
    write_state(folder, 3, IDENTITY, versions={**versions(), "torch": "1.0"})
    assert folder.check(IDENTITY, 3) == 3
    assert not caplog.messages
    assert folder.check(IDENTITY, 4) == 3
    assert f"continues with other versions: torch 1.0 -> {versions()['torch']}" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("adapter.safetensors", b"adaptes", r"adapter.safetensors is damaged or was changed"),
        ("optimizer.safetensors", b"half", r"optimizer.safetensors is damaged: it has 4 bytes"),
        ("state.json", b'{"files": {}, "parameters": {}}', r"state.json is damaged or was changed"),
        ("../candidates.parquet", b"PAR1 rowz PAR1", r"candidates.parquet is damaged .* then made"),
        ("../summary.json", b"[]", r"summary.json is damaged or .* is then made again"),
    ],
)
def test_damage_is_found_before_training_goes_on(folder, name, content, message):
    (folder.path / "epoch_0003" / "policy" / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=message) as error:
        folder.check(IDENTITY, 5)
    assert "\n" not in str(error.value)


def test_a_damaged_state_of_an_earlier_epoch_is_named(folder):
    (folder.path / "epoch_0001" / "policy" / "state.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"epoch_0001/policy/state.json cannot be read"):
        folder.check(IDENTITY, 5)


def test_tables_without_checksums_must_be_whole_files(folder):
    epoch = folder.path / "epoch_0002"
    (epoch / "SHA256SUMS").unlink()
    assert folder.check(IDENTITY, 5) == 3
    for name in TABLES:
        good = (epoch / name).read_bytes()
        (epoch / name).write_bytes(good[:-1])
        with pytest.raises(ConfigurationError, match=f"{name} is damaged: it is not a whole file"):
            folder.check(IDENTITY, 5)
        (epoch / name).write_bytes(good)


def test_an_epoch_without_its_tables_is_refused_where_it_cannot_be_repeated(folder):
    """Only a policy that has kept the optimizer's memory can be trained from again."""
    for name in TABLES:
        (folder.path / "epoch_0002" / name).unlink()
    assert folder.check(IDENTITY, 5) == 3
    (folder.path / "epoch_0001" / "policy" / "optimizer.safetensors").unlink()
    with pytest.raises(ConfigurationError, match=r"epoch_0002/updates.parquet is missing; put the"):
        folder.check(IDENTITY, 5)


@pytest.mark.parametrize(
    ("parameters", "epoch", "message"),
    [
        ({**IDENTITY, "seed": 1}, 1, r"epoch_0001 is of another run or epoch \(seed: 1 -> 42\)"),
        (IDENTITY, 2, r"epoch_0001 is of another run or epoch \(it holds epoch 2\)"),
    ],
)
def test_epochs_of_another_run_are_refused(folder, parameters, epoch, message):
    policy = folder.path / "epoch_0001" / "policy"
    files = [policy / "adapter.safetensors", policy / "optimizer.safetensors"]
    values = {"epoch": epoch, "parameters": parameters}
    (policy / "state.json").write_text(sealed(values, files))
    with pytest.raises(ConfigurationError, match=message):
        folder.check(IDENTITY, 5)


def test_epochs_before_a_knowing_change_of_source_belong_to_the_run(folder):
    for epoch in (2, 3):
        write_state(folder, epoch, {**IDENTITY, TRAINING_CODE: "new"})
    assert folder.check({**IDENTITY, TRAINING_CODE: "new"}, 3) == 3


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
    (epoch / ".candidates.elsewhere-1-ab.part.parquet").write_text("half")
    with replacing(epoch / "mine") as living:
        living.write_text("half")
        folder.tidy()
    assert {path.name for path in epoch.iterdir()} == {"mine", "policy", "SHA256SUMS", *TABLES}


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
