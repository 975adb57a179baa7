"""The whole analysis of made-up runs, with the project's own parameters and catalog."""

import base64
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes

import pandas as pd
import pytest
from analysis import synthetic
from kedro.io import MemoryDataset
from kedro.runner import SequentialRunner
from PIL import Image

from drift_pipeline.hooks.resolvers import DEFAULT_RUN as PLACES
from drift_pipeline.pipelines.analyze import create_pipeline

MISSING = "grpo_kl-hpsv2-s42"


class Page(HTMLParser):
    """What a page refers to, the ids of its figures, and its text by section."""

    def __init__(self, text):
        super().__init__()
        self.links, self.images, self.ids, self.sections, self._section = [], [], [], {}, ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.links += [values[key] for key in ("href", "src") if key in values]
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "h2":
            self._section = values["id"]
        if tag == "img":
            self.images.append(values["src"])

    def handle_data(self, data):
        self.sections[self._section] = self.sections.get(self._section, "") + data


def two_comparisons(project_path):
    """The project's parameters with one ablation and a figure of one's own."""
    comparisons = synthetic.parameters(project_path).model_dump()["comparisons"]
    kept = {name: comparisons[name] for name in ("main", "noise")}
    return synthetic.parameters(
        project_path,
        comparisons=kept,
        in_brief=["main"],
        figures={"price": "price_figure.draw"},
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory, project_path):
    folder = tmp_path_factory.mktemp("analysis")
    metrics = synthetic.world()
    metrics = metrics[metrics["run"] != MISSING]
    # Under PickScore, GRPO-KL keeps more of the Vendi score than DRIFT.
    better = (metrics["run"] == "grpo_kl-pickscore-s42") & (metrics["metric"] == "vendi")
    metrics.loc[better, ["value", "low", "high"]] = [75.0, 74.0, 76.0]
    synthetic.write(folder, metrics)
    catalog = synthetic.catalog(project_path, folder, two_comparisons(project_path))
    SequentialRunner().run(create_pipeline(), catalog)
    return folder / PLACES["reporting"], catalog


@pytest.fixture(scope="module")
def page(made):
    return Page((made[0] / "analysis/report.html").read_text(encoding="utf-8"))


def test_every_file_is_there(made):
    folder, _ = made
    for reward in synthetic.SCORERS:
        for part in ("table_1", "gains", "marks"):
            for kind in ("parquet", "json", "md", "tex"):
                assert (folder / f"analysis/{reward}/{part}.{kind}").stat().st_size
    drawn = {
        str(path.relative_to(folder / "analysis")) for path in folder.glob("analysis/*/*/svg/*.svg")
    }
    main = [
        "fronts/svg/main",
        "marks/svg/main",
        "bars/svg/main",
        "grids/svg/main",
        "collapse/svg/collapse",
    ]
    main += ["figures/svg/price", "curves/svg/costs", "curves/svg/training", "curves/svg/truth"]
    expected = {f"{reward}/{name}.svg" for reward in synthetic.SCORERS for name in main}
    expected |= {f"pickscore/{kind}/svg/noise.svg" for kind in ("fronts", "marks", "bars", "grids")}
    assert drawn == expected
    assert all((folder / "analysis" / name.replace("svg", "png")).exists() for name in drawn)


def test_the_page_needs_nothing_else(page):
    assert page.links
    assert all(link.startswith(("#", "data:")) for link in page.links)
    targets = {link[1:] for link in page.links if link.startswith("#")}
    assert targets <= {*page.ids}


def test_the_page_has_every_figure(made, page):
    # A browser cuts an address at "#", drops line ends from it and stops reading at a quote.
    assert not {*"".join(page.images)} & {*'#"<>\n\r\t'}
    shown = {unquote_to_bytes(source.partition(",")[2]) for source in page.images}
    written = {path.read_bytes() for path in made[0].glob("analysis/*/*/svg/*.svg")}
    assert written
    assert shown == written


def test_the_page_has_the_tables_cells(made, page):
    text = page.sections["table-1"]
    for reward in synthetic.SCORERS:
        lines = (made[0] / f"analysis/{reward}/table_1.md").read_text(encoding="utf-8").splitlines()
        cells = {cell.strip() for line in lines[4:] for cell in line.split("|")} - {""}
        assert len(cells) > 20
        assert all(cell in text for cell in cells)
    assert "+43.46 %" in text  # the paper's row
    for label in ("Bits of free attributes", "Share that shows what was asked", "True reward"):
        assert label in text


def test_what_the_measures_mean_is_said(page):
    text = page.sections["reading"]
    assert "Entropy of the kinds within a prompt" in text
    assert "less than 90 % of the base model’s share are drawn hollow" in text


def test_what_did_not_come_out_is_said(made, page):
    text = page.sections["not-come-out"]
    assert MISSING in text
    assert re.search(
        r"DRIFT against GRPO-KL: at equal reward.* below .*Vendi score in seed 42", text
    )
    assert "that prompt noise never has" in text
    assert MISSING in page.sections["runs"]
    findings = json.loads((made[0] / "analysis/findings.json").read_text(encoding="utf-8"))
    assert all(finding["text"] in text for finding in findings)
    assert {finding["kind"] for finding in findings} >= {"missing", "loss", "beyond"}


def test_tables_are_the_pipelines_own(made):
    folder, _ = made
    table = pd.read_parquet(folder / "analysis/pickscore/table_1.parquet").set_index("row")
    values = json.loads((folder / "analysis/pickscore/table_1.json").read_text())
    assert values["drift"]["dreamsim"] == table.loc["drift", "dreamsim"] == pytest.approx(0.465)
    gains = json.loads((folder / "analysis/hpsv2/gains.json").read_text())
    assert gains["main"]["dreamsim"]["baselines"] == 2


def test_everything_can_be_previewed(made):
    _, catalog = made
    sheet = Image.open(io.BytesIO(base64.b64decode(catalog["analyze.pickscore.fronts"].preview())))
    assert sheet.size[0] == 900 and sheet.size[1] > 2 * 500
    assert catalog["analyze.pickscore.table_1"].preview()["columns"][0] == "row"
    assert len(catalog["measured_metrics"].preview()["data"]) == 5


def test_runs_without_pictures_still_make_a_report(tmp_path, project_path):
    metrics = synthetic.world(methods=("drift", "grpo"))
    # Nor was anything measured that says kinds.
    metrics = metrics[(metrics["reward"] != "hpsv2") & (metrics["metric"] != "bits")]
    synthetic.write(tmp_path, metrics, pictures=False)
    catalog = synthetic.catalog(project_path, tmp_path, two_comparisons(project_path))
    SequentialRunner().run(create_pipeline(), catalog)
    text = (tmp_path / PLACES["reporting"] / "analysis/report.html").read_text(encoding="utf-8")
    assert "No embeddings of the base model" in text
    assert "Bits of free attributes" not in text and "Entropy of the kinds" not in text
    assert "No run of prompt noise has been measured" in text
    assert "ddpo-hpsv2-s42" in Page(text).sections["not-come-out"]


def test_a_reward_may_be_called_what_an_argument_is(tmp_path, project_path):
    names = ["checkpoints", "analyze", "metrics", "gains", "settings"]
    rows = synthetic.base()
    for name in names:
        rows += synthetic.path("grpo", name, 42, synthetic.trade(0.5, 0.8))
    synthetic.write(tmp_path, pd.DataFrame(rows), pictures=False)
    catalog = synthetic.catalog(project_path, tmp_path, two_comparisons(project_path))
    rewards = {name: {} for name in (*synthetic.SCORERS, *names)}
    catalog["params:rewards"] = MemoryDataset(rewards)
    texts = ("findings", "print_table_1", "print_gains", "gain_metrics")
    pipeline = create_pipeline([*rewards]).to_nodes(*(f"analyze.{name}" for name in texts))
    SequentialRunner().run(pipeline, catalog)
    for name in names:
        values = json.loads(
            (tmp_path / PLACES["reporting"] / f"analysis/{name}/table_1.json").read_text()
        )
        assert values["grpo"]["seeds"] == 1 and values["drift"]["seeds"] == 0


def test_registering_the_pipeline_imports_nothing_heavy():
    code = (
        "import sys; import drift_pipeline.pipelines.analyze as a; a.create_pipeline();"
        "heavy = {'torch', 'matplotlib', 'scipy', 'pandas', 'jinja2'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
