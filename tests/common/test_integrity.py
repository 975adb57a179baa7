"""One flipped bit anywhere is found before a file is used."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from drift_pipeline.common.integrity import (
    SUMS,
    DamagedError,
    read_sealed,
    read_sums,
    replacing_summed,
    sealed,
    verify,
    verify_folder,
    write_sums,
)

REMEDY = "delete it"


def save(path, text: str) -> None:
    with replacing_summed(path) as part:
        part.write_text(text)


def flips(path):
    """Flip a bit of each byte in turn."""
    good = path.read_bytes()
    for place in range(len(good)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 2]) + good[place + 1 :])
        yield place
    path.write_bytes(good)


def test_every_flip_in_a_file_is_found(tmp_path):
    save(tmp_path / "a.txt", "content")
    save(tmp_path / "b.txt", "other")
    verify(tmp_path / "a.txt", REMEDY)
    for _ in flips(tmp_path / "a.txt"):
        with pytest.raises(DamagedError, match=r"a\.txt is damaged .*; delete it$") as error:
            verify(tmp_path / "a.txt", REMEDY)
        assert "\n" not in str(error.value)
        verify(tmp_path / "b.txt", REMEDY)
    verify(tmp_path / "a.txt", REMEDY)


def test_what_was_written_without_a_checksum_passes(tmp_path):
    (tmp_path / "old.txt").write_text("old")
    verify(tmp_path / "old.txt", REMEDY)
    save(tmp_path / "new.txt", "new")
    verify(tmp_path / "old.txt", REMEDY)


def test_a_file_may_be_replaced(tmp_path):
    for text in ("one", "two", "one"):
        save(tmp_path / "a", text)
        verify(tmp_path / "a", REMEDY)
    assert len(read_sums(tmp_path)["a"]) == 1


@pytest.mark.parametrize("moment", ["a", SUMS])
def test_a_kill_between_a_file_and_its_checksum_leaves_both_right(tmp_path, moment, monkeypatch):
    save(tmp_path / "a", "old")
    replace = type(tmp_path).replace

    def replace_or_die(path, target):
        if target.name == moment and (moment == "a" or b"new" in (tmp_path / "a").read_bytes()):
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(type(tmp_path), "replace", replace_or_die)
        save(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == ("old" if moment == "a" else "new")
    verify(tmp_path / "a", REMEDY)
    save(tmp_path / "a", "new")
    (tmp_path / "a").write_text("old")
    with pytest.raises(DamagedError):
        verify(tmp_path / "a", REMEDY)


def test_many_threads_may_write_into_one_folder(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: save(tmp_path / f"{number}", str(number)), range(24)))
    assert len(read_sums(tmp_path)) == 24
    verify_folder(tmp_path, REMEDY)


def test_coreutils_read_the_checksums(tmp_path):
    (tmp_path / "weights").write_bytes(bytes(range(256)))
    (tmp_path / "README.md").write_text("ε")
    (tmp_path / "deeper").mkdir()
    write_sums(tmp_path)
    subprocess.run(["sha256sum", "--strict", "-c", SUMS], cwd=tmp_path, check=True)
    verify_folder(tmp_path, REMEDY)
    (tmp_path / "README.md").unlink()
    with pytest.raises(DamagedError, match=r"README\.md is missing; delete it"):
        verify_folder(tmp_path, REMEDY)


@pytest.fixture
def state(tmp_path):
    (tmp_path / "weights").write_bytes(b"weights")
    (tmp_path / "memory").write_bytes(b"memory")
    values = {"epoch": 3, "parameters": {"betas": (0.9, 1e-8), "ε": None, "options": {1: 2}}}
    path = tmp_path / "state.json"
    path.write_text(sealed(values, [tmp_path / "weights", tmp_path / "memory"]))
    return path


def test_sealed_values_come_back(state):
    expected = {"epoch": 3, "parameters": {"betas": [0.9, 1e-8], "ε": None, "options": {"1": 2}}}
    assert read_sealed(state, REMEDY) == expected


def test_no_flip_changes_what_a_sealed_file_says(state):
    expected, refused = read_sealed(state, REMEDY), 0
    for _ in flips(state):
        try:
            assert read_sealed(state, REMEDY) == expected  # a blank may become another blank
        except DamagedError as error:
            assert "\n" not in str(error) and str(error).endswith("delete it")
            refused += 1
    assert refused > 200


@pytest.mark.parametrize("name", ["weights", "memory"])
def test_the_files_it_describes_are_checked(state, name):
    file = state.with_name(name)
    for _ in flips(file):
        with pytest.raises(DamagedError, match=rf"{name} is damaged.*; delete it"):
            read_sealed(state, REMEDY)
    file.write_bytes(b"half")
    with pytest.raises(DamagedError, match=r"it has 4 bytes, not \d; delete it"):
        read_sealed(state, REMEDY)
    file.unlink()
    with pytest.raises(DamagedError, match=f"{name} is missing"):
        read_sealed(state, REMEDY)
    read_sealed(state, REMEDY, optional=[name])


def test_files_from_before_there_were_seals_are_read(tmp_path):
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"epoch": 3}))
    assert read_sealed(path, REMEDY) == {"epoch": 3}
    for content in ("{", "[]", ""):
        path.write_text(content)
        with pytest.raises(DamagedError, match=r"state\.json cannot be read .*; delete it"):
            read_sealed(path, REMEDY)
