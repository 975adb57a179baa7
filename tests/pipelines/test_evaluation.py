"""A run is trained, drawn from and measured through Kedro's session, and again after changes."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import tiny
from kedro.io import AbstractDataset
from kedro.runner import ThreadRunner

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.evaluation.image_shards import MADE_OF
from drift_pipeline.evaluation.staleness import outdated_measures
from drift_pipeline.pipelines.generate import create_pipeline as create_generate
from drift_pipeline.pipelines.measure import create_pipeline as create_measure

NAME = "drift-pickscore-s42"
COLUMNS = [
    "run", "method", "reward", "seed", "epoch", "images", "seconds",
    "metric", "encoder", "value", "low", "high", "n", "judge", "base", "pictures",
    "protocol",
]  # fmt: skip
METRICS = {
    ("dreamsim", "dreamsim"), ("clip", "openclip"), ("recall", "dreamsim"),
    ("recall_fresh", "dreamsim"), ("vendi", "dreamsim"), ("vendi_prompt", "dreamsim"),
    *((metric, scorer) for metric in ("reward", "reward_normalised", "true_reward")
      for scorer in ("pickscore", "hpsv2")),
    *((metric, scorer) for metric in ("reward", "reward_normalised")
      for scorer in ("shows_prompt", "dusk")),
    *(("bits", kind) for kind in ("coat", "pattern", "facing", "background", "all")),
}  # fmt: skip
FRESH = {
    ("dreamsim_fresh", "dreamsim"), ("clip_fresh", "openclip"), ("vendi_fresh", "dreamsim"),
    ("vendi_prompt_fresh", "dreamsim"),
}  # fmt: skip


@pytest.fixture(scope="module")
def prompts(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("prompts") / "evaluation.txt"
    path.write_text("a photo of a cat\na photo of a dog\n")
    return path


@pytest.fixture(scope="module")
def evaluated(kedro_run, prompts, tmp_path_factory) -> Path:
    """The results of a run of two epochs, each judged."""
    results = tmp_path_factory.mktemp("evaluated")
    kedro_run("train", results)
    for pipeline in ("generate", "measure"):
        kedro_run(pipeline, results, {"generate.prompts": str(prompts)})
    return results


def stamps(results: Path) -> dict[str, int]:
    return {
        str(path.relative_to(results)): path.stat().st_mtime_ns
        for folder in ("pictures", "features")
        for path in sorted((results / folder).rglob("*.parquet"))
    }


def test_the_graph_is_a_namespace_a_checkpoint():
    generate, measure = create_generate([5, 10]), create_measure([5, 10])
    spaces = ["base", "base_fresh", "base_many", "epoch_0005", "epoch_0010"]
    assert {f"evaluation.{space}.images" for space in spaces} <= generate.all_outputs()
    assert generate.inputs() >= {"training.epoch_0005.policy", "training.epoch_0010.policy"}
    assert {f"evaluation.{space}.images" for space in spaces} <= measure.inputs()
    assert measure.outputs() == {"base_metrics", "best_front", "run_metrics"}
    without = create_generate([5], best_front=False) + create_measure([5], best_front=False)
    assert not any("base_many" in name or name == "best_front" for name in without.datasets())
    both = generate + measure
    assert len(both.nodes) == len(generate.nodes) + len(measure.nodes) - 2


def test_every_measure_of_every_checkpoint_is_in_the_table(evaluated):
    for name, epochs in ((NAME, [1, 2]), ("base", [0])):
        table = pd.read_parquet(evaluated / "reports" / name / "metrics.parquet")
        assert list(table.columns) == COLUMNS
        assert table["epoch"].unique().tolist() == epochs
        for _, rows in table.groupby("epoch"):
            expected = METRICS | (FRESH if table["run"].iloc[0] == "base" else set())
            assert set(zip(rows["metric"], rows["encoder"], strict=True)) == expected
        assert (table["n"] == 2 * 3).all()
        assert table["value"].notna().all()
    assert table["protocol"].nunique() == 1


def test_the_best_front_is_estimated(evaluated):
    table = pd.read_parquet(evaluated / "reports/base/best_front.parquet")
    assert {*table["best_for"]} <= {"pickscore", "hpsv2", "dusk"} and (table["n"] == 2 * 4).all()
    protocol = pd.read_parquet(evaluated / "reports/base/metrics.parquet")["protocol"].iloc[0]
    assert {*table["protocol"]} == {protocol}


def test_the_last_checkpoint_is_blended_with_the_base_model(
    evaluated, prompts, kedro_run, tmp_path
):
    results = shutil.copytree(evaluated, tmp_path / "results")
    blends = {"late": {"after": 0.5}, "all": {"after": 0.0}, "half": {"anneal": 0.5}}
    changes = {
        "generate.prompts": str(prompts),
        "generate.free": ["drift"],
        "generate.noisy": ["drift"],
        "train.prompt_noise.scale": 0.5,
        **{f"generate.blends.{name}": blend for name, blend in blends.items()},
    }
    before = stamps(results)
    for pipeline in ("generate", "measure"):
        kedro_run(pipeline, results, changes)
    assert before.items() <= stamps(results).items()
    table = pd.read_parquet(results / f"reports/{NAME}/free_metrics.parquet")
    assert {*blends, "noisy"} <= {*table["blend"]} and {*table["epoch"]} == {2}
    for _, rows in table.groupby("blend"):
        assert set(zip(rows["metric"], rows["encoder"], strict=True)) == METRICS
    own = pd.read_parquet(results / f"reports/{NAME}/metrics.parquet")
    assert {*table["protocol"]} == {*own["protocol"]}
    whole = table[table["blend"] == "all"].set_index(["metric", "encoder"])["value"]
    last = own[own["epoch"] == 2].set_index(["metric", "encoder"])["value"]
    # Alike but for the rounding to 256 levels: a blend draws in one thread, the checkpoint in two.
    assert whole.to_dict() == pytest.approx(last.to_dict(), rel=1e-3, abs=1e-5)
    late = table[table["blend"] == "late"].set_index(["metric", "encoder"])["value"]
    assert late["dreamsim", "dreamsim"] != pytest.approx(last["dreamsim", "dreamsim"], rel=1e-3)
    noisy = table[table["blend"] == "noisy"].set_index(["metric", "encoder"])["value"]
    assert noisy["dreamsim", "dreamsim"] != pytest.approx(last["dreamsim", "dreamsim"], rel=1e-3)
    # Blends that are drawn anew make their measures old ones, which no analysis shows.
    images = results / f"pictures/{NAME}"
    assert outdated_measures(table, images.parent, results) == []
    made = images / "free_half/images" / MADE_OF
    made.write_text(json.dumps(json.loads(made.read_text()) | {"blending": "another"}))
    assert outdated_measures(table, images.parent, results) == [f"{NAME}, epoch 2, half"]


def test_an_analysis_does_not_lose_the_best_front_unnoticed(
    evaluated, prompts, kedro_run, tmp_path
):
    results = shutil.copytree(evaluated, tmp_path / "results")
    changes = {"generate.prompts": str(prompts)}
    kedro_run("analyze", results, changes)
    drawn = pd.read_parquet(results / "analysis/best_front.parquet")
    (results / "reports/base/best_front.parquet").unlink()
    with pytest.raises(ConfigurationError, match="shows results of files that are no longer here"):
        kedro_run("analyze", results, changes)
    assert pd.read_parquet(results / "analysis/best_front.parquet").equals(drawn)
    # Of its images nothing is shown, so they may go.
    shutil.copy2(evaluated / "reports/base/best_front.parquet", results / "reports/base")
    for file in evaluated.glob("reports/base/*best_front*"):
        shutil.copy2(file, results / "reports/base")
    shutil.rmtree(results / "pictures/base_many")
    kedro_run("analyze", results, changes)


def test_the_base_model_covers_itself(evaluated):
    table = pd.read_parquet(evaluated / "reports" / "base" / "metrics.parquet")
    values = table.set_index("metric")["value"]
    assert values["recall"] == 1
    assert table["method"].unique().tolist() == ["base"]


def test_costs_are_those_of_training(evaluated):
    table = pd.read_parquet(evaluated / "reports" / NAME / "metrics.parquet")
    curve = pd.read_parquet(evaluated / NAME / "training_curve.parquet").set_index("epoch")
    clocks = [name for name in curve.columns if name.startswith("seconds_")]
    by_epoch = table.groupby("epoch")[["images", "seconds"]].first()
    assert by_epoch["images"].tolist() == [12, 24]  # 2 groups of 2 · 3 candidates an epoch
    assert by_epoch["seconds"][2] == pytest.approx(curve[clocks].to_numpy().sum())


def test_pictures_are_there_to_be_looked_at(evaluated):
    for name in (f"{NAME}/epoch_0001", f"{NAME}/epoch_0002", "base/epoch_0000"):
        folder = evaluated / "pictures" / name
        assert (folder / "contact_sheet.png").stat().st_size > 1000
        shard = pd.read_parquet(folder / "images/01.parquet")
        assert shard["prompt"].unique().tolist() == ["a photo of a dog"]
        assert shard["seed"].tolist() == [0, 1, 2]
        assert shard["image"][0]["bytes"].startswith(b"\x89PNG")


def test_kedro_viz_shows_every_dataset_that_is_clicked_on(
    evaluated, kedro_run, tiny_parameters, nested, project_path
):
    testclient = pytest.importorskip("fastapi.testclient")
    apps = pytest.importorskip("kedro_viz.api.apps")
    from kedro_viz.data_access import data_access_manager
    from kedro_viz.server import load_and_populate_data

    folders = {
        "train.runs_folder": evaluated,
        "generate.folder": evaluated / "pictures",
        "measure.features": evaluated / "features",
        "measure.reports": evaluated / "reports",
    }
    parameters = nested({**tiny_parameters, **{name: str(path) for name, path in folders.items()}})
    load_and_populate_data(project_path, "smoke", include_hooks=True, extra_params=parameters)
    client = testclient.TestClient(
        apps.create_api_app_from_project(project_path), raise_server_exceptions=False
    )
    kinds = {}
    for node in data_access_manager.nodes.as_list():
        answer = client.get(f"/api/nodes/{node.id}")
        assert answer.status_code == 200, node.name
        dataset = getattr(node, "kedro_obj", None)
        if (
            isinstance(dataset, AbstractDataset)
            and hasattr(dataset, "preview")
            and dataset.exists()
        ):
            assert answer.json().get("preview"), node.name
            kinds[node.name] = answer.json()["preview_type"]
    assert kinds["evaluation.epoch_0002.embeddings"] == "TablePreview"
    assert kinds["training.epoch_0002.policy"] == "JSONPreview"
    assert {*kinds.values()} == {"TablePreview", "JSONPreview", "ImagePreview"}


def test_another_runner_draws_the_same_pictures(evaluated, kedro_run, prompts, tmp_path):
    shutil.copytree(evaluated / NAME, tmp_path / NAME)
    changes = {"generate.prompts": str(prompts)}
    kedro_run("generate", tmp_path, changes, runner=ThreadRunner(max_workers=4))
    shards = sorted((evaluated / "pictures").glob("*/epoch_*/images/*.parquet"))
    assert len(shards) == 5 * 2
    for shard in shards:
        other = tmp_path / shard.relative_to(evaluated)
        assert pd.read_parquet(other).equals(pd.read_parquet(shard)), other


def test_a_checkpoint_alone_is_judged_again(evaluated, kedro_run, prompts):
    before = stamps(evaluated)
    changes = {"generate.prompts": str(prompts)}
    kedro_run("measure", evaluated, changes, node_names=["evaluation.epoch_0001.judge_images"])
    after = stamps(evaluated)
    place = f"features/{NAME}/epoch_0001"
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"{place}/embeddings.parquet", f"{place}/scores.parquet"}


def test_what_is_there_is_not_made_again_and_what_is_missing_is(evaluated, kedro_run, prompts):
    before = stamps(evaluated)
    folder = evaluated / "pictures" / NAME / "epoch_0002" / "images"
    old = (folder / "01.parquet").read_bytes()
    for name in ("01.parquet", "complete.json"):
        (folder / name).unlink()
    for pipeline in ("generate", "measure"):
        kedro_run(pipeline, evaluated, {"generate.prompts": str(prompts)})
    after = stamps(evaluated)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"pictures/{NAME}/epoch_0002/images/01.parquet"}
    assert (folder / "01.parquet").read_bytes() == old
    assert (evaluated / "reports" / NAME / "metrics.parquet").exists()


def test_other_judges_look_again(evaluated, kedro_run, prompts, models, caplog):
    before = stamps(evaluated)
    tiny.make_pickscore(models / "other_pickscore", seed=9)
    other = {
        f"rewards.pickscore.options.{key}": str(models / "other_pickscore")
        for key in ("model", "processor")
    }
    table = evaluated / "reports" / "base" / "metrics.parquet"
    old = pd.read_parquet(table).set_index(["metric", "encoder"])["value"]
    kedro_run("measure", evaluated, {"generate.prompts": str(prompts), **other})
    after = stamps(evaluated)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {
        name for name in before if name.startswith("features") and "base_fresh" not in name
    }
    assert "without pickscore as they are now: to be made again" in caplog.text
    new = pd.read_parquet(table).set_index(["metric", "encoder"])["value"]
    assert new["reward", "pickscore"] != old["reward", "pickscore"]
    assert new["reward", "hpsv2"] == old["reward", "hpsv2"]


def test_another_protocol_makes_everything_anew(evaluated, kedro_run, prompts, caplog):
    before = stamps(evaluated)
    changes = {"generate.prompts": str(prompts), "generate.first_seed": 100}
    kedro_run("generate", evaluated, changes)
    after = stamps(evaluated)
    pictures = {name for name in after if "images" in name}
    assert pictures and all(before.get(name) != after[name] for name in pictures)
    assert before.keys() == after.keys()  # nothing was deleted
    assert "of another model or protocol: to be made again" in caplog.text


def test_missing_checkpoints_and_prompts_are_named(kedro_run, prompts, tmp_path):
    with pytest.raises(ConfigurationError, match=r"no policy checkpoint can be read in .* train"):
        kedro_run("generate", tmp_path, {"generate.prompts": str(prompts)})
    with pytest.raises(ConfigurationError, match=r"generate.prompts: .*nowhere.txt cannot be read"):
        kedro_run("generate", tmp_path, {"generate.prompts": str(tmp_path / "nowhere.txt")})
    with pytest.raises(ConfigurationError, match=r"generate.images_per_prompt: .*greater than"):
        kedro_run("generate", tmp_path, {"generate.images_per_prompt": 1})
    assert not list(tmp_path.iterdir())
