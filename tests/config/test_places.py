"""Places on the disk, and addresses that are none."""

import pandas as pd
import pytest
from kedro.io import DataCatalog, DatasetError
from PIL import Image

from drift_pipeline import datasets
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.places import find, local_path, locate
from drift_pipeline.datasets.addresses import refuse_addresses

ADDRESSES = ["s3://bucket/runs", "gs://b/c", "memory://x", "https://h/p.txt", "s3:/bucket/x",
             "simplecache::s3://bucket/x", "S3://bucket"]  # fmt: skip
ON_DISK = {
    "FiguresDataset": {"filepath"},
    "ImageShardsDataset": {"filepath"},
    "LoraDataset": {"filepath"},
    "ModelFolderDataset": {"filepath"},
    "PolicyDataset": {"filepath"},
    "PromptsDataset": {"filepath"},
    "MeasuredShardsDataset": {"path", "pattern"},
    "MeasuredTableDataset": {"path", "pattern"},
}


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("data/runs", "data/runs"),
        ("/tmp/a b", "/tmp/a b"),
        ("file:///tmp/a%20b", "/tmp/a b"),
        ("C:/Users/me", "C:/Users/me"),
        ("run 12:30/x", "run 12:30/x"),
        ("", ""),
    ],
)
def test_paths_stay_what_they_are(place, path):
    assert local_path(place) == path


@pytest.mark.parametrize("place", ADDRESSES)
def test_addresses_are_refused(place):
    with pytest.raises(ValueError, match="is not a place on this machine's disk; only the tables"):
        local_path(place)


def test_every_dataset_of_a_folder_is_known():
    kedros = {"ImageDataset", "JSONDataset", "JudgedTableDataset", "ParquetDataset"}
    assert {*datasets.__all__} == kedros | {"TextDataset"} | ON_DISK.keys()


@pytest.mark.parametrize("kind", ON_DISK)
def test_datasets_that_are_folders_lie_on_the_disk(kind, tmp_path):
    keys = ON_DISK[kind]
    made = getattr(datasets, kind)(**dict.fromkeys(keys, f"file://{tmp_path}"))
    assert str(tmp_path) in made._describe().values()
    with pytest.raises(ValueError, match=f"{kind}: 's3://bucket/x' is not a place"):
        getattr(datasets, kind)(**dict.fromkeys(keys, "s3://bucket/x"))
    entry = {"type": f"drift_pipeline.datasets.{kind}", **dict.fromkeys(keys, "s3://b/x")}
    with pytest.raises(DatasetError, match="is not a place"):
        DataCatalog.from_config({"mine": entry})["mine"]
    with pytest.raises(ConfigurationError, match=r"^catalog, mine\.(file)?path: 's3://b/x'"):
        refuse_addresses({"other": {"type": "MemoryDataset"}, "mine": entry})


def test_what_kedro_knows_to_write_elsewhere_is_written_there():
    table = pd.DataFrame({"a": [1, 2]})
    picture = Image.new("RGB", (4, 4), "red")
    for kind, name, value in (
        ("ParquetDataset", "t.parquet", table),
        ("JSONDataset", "t.json", {"a": 1}),
        ("TextDataset", "t.txt", "β"),
        ("ImageDataset", "t.png", picture),
    ):
        entry = {"type": f"drift_pipeline.datasets.{kind}", "filepath": f"memory://drift/{name}"}
        refuse_addresses({"mine": entry})
        dataset = DataCatalog.from_config({"mine": entry})["mine"]
        assert not dataset.exists()
        dataset.save(value)
        assert dataset.exists()
        loaded = dataset.load()
        if kind == "ParquetDataset":
            pd.testing.assert_frame_equal(loaded, table)
        elif kind == "ImageDataset":
            assert loaded.getpixel((0, 0)) == (255, 0, 0)
            assert len(dataset.preview()) > 20
        else:
            assert loaded == value


@pytest.mark.parametrize("text", ["", "none", "owner/name", "x" * 5000, "\0", "a\nb"])
def test_what_names_nothing_here_is_not_found(tmp_path, text):
    assert find(text, tmp_path) is None


def test_what_a_project_has_is_located_in_it_wherever_the_process_is(tmp_path, monkeypatch):
    for name in ("one", "other"):
        (tmp_path / name / "models").mkdir(parents=True)
        (tmp_path / name / "models" / f"{name}.bin").touch()
    monkeypatch.chdir(tmp_path / "other")
    root = tmp_path / "one"
    assert find("models/one.bin", root) == root / "models/one.bin"
    assert find("models/other.bin", root) is None
    assert find(str(tmp_path / "other"), root) == tmp_path / "other"
    values = {"file": "models/one.bin", "parts": ["models", "owner/name", 3, None], "x": "models/x"}
    assert locate(values, root) == {
        "file": str(root / "models/one.bin"),
        "parts": [str(root / "models"), "owner/name", 3, None],
        "x": "models/x",
    }


def test_a_file_address_is_a_path_for_all(tmp_path):
    dataset = datasets.JSONDataset(filepath=f"file://{tmp_path}/x.json")
    dataset.save({"a": 1})
    assert (tmp_path / "x.json").exists()
