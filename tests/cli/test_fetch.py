"""What an environment has to download, what is said before, and what a run without it says."""

import pytest
from click.testing import CliRunner
from hub import HUB, SD, preset
from huggingface_hub import constants
from huggingface_hub.errors import OfflineModeIsEnabled

from drift_pipeline.cli import fetch
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.model_files import download as downloading
from drift_pipeline.model_files.requirements import needs_of, require


def test_the_paper_needs_its_models(root):
    found = {str(need): need for need in fetch.environment_needs(root, "paper")}
    assert found.keys() == {*HUB, "DreamSim ensemble"}
    assert found["DreamSim ensemble"].folder == root / "data/06_models/dreamsim"
    assert all(need.missing() for need in found.values())


def test_another_model_than_the_environments(root):
    given = "train.base_model=owner/name@v2,encoders.dreamsim.options.folder=elsewhere"
    base_model, *others = fetch.environment_needs(root, "paper", given)
    assert str(base_model) == "owner/name@v2"
    assert others[-2].folder == root / "elsewhere"
    with pytest.raises(ConfigurationError) as error:
        require([base_model], {"env": "paper", "runtime_params": {"train": {
            "base_model": "owner/name@v2", "epochs": 3}}})  # fmt: skip
    assert str(error.value).endswith("--env paper --params train.base_model=owner/name@v2")


def test_a_dry_run_lists_sizes_and_downloads_nothing(root, hub, monkeypatch):
    monkeypatch.setattr(downloading, "_remote_size", lambda url: 300_000_000)
    ended = CliRunner().invoke(fetch.main, ["--env", "paper", "--dry-run"])
    assert ended.exit_code == 0, ended.output
    assert f"train.base_model: {SD}, " in ended.output
    assert "0.02 GB  unet/diffusion_pytorch_model.safetensors" in ended.output
    assert "dreamsim_ensemble_checkpoint.zip" in ended.output
    assert "In all " in ended.output
    assert hub == []


def test_the_hubs_files_are_downloaded_with_their_exact_names(root, hub, monkeypatch):
    monkeypatch.setattr(fetch, "environment_needs", lambda *_: needs_of(root, base_model=SD))
    ended = CliRunner().invoke(fetch.main, ["--env", "paper"])
    assert ended.exit_code == 0, ended.output
    assert ended.output.endswith("Done.\n")
    ((repo, revision, names),) = hub
    assert (repo, revision) == (SD, None)
    assert "unet/diffusion_pytorch_model.safetensors" in names
    assert not any("*" in name for name in names)


def test_the_bestiary_needs_nothing(project_path, monkeypatch):
    monkeypatch.chdir(project_path)
    for env in ("bestiary", "smoke", "local"):
        ended = CliRunner().invoke(fetch.main, ["--env", env])
        assert ended.exit_code == 0, ended.output
        assert ended.output.startswith("Nothing needs to be fetched")


@pytest.mark.parametrize("error", [OfflineModeIsEnabled("offline\nmore"), OSError("no route")])
def test_without_the_hub_it_says_so_in_one_line(root, monkeypatch, error):
    class Api:
        def model_info(self, *_, **__):
            raise error

    monkeypatch.setattr(downloading, "HfApi", Api)
    ended = CliRunner().invoke(fetch.main, ["--env", "paper"])
    assert ended.exit_code == 1
    assert ended.output.count("\n") == 1
    assert ended.output.startswith("Error: cannot download")
    assert str(error).split("\n")[0] in ended.output


def test_the_real_client_offline(root, monkeypatch):
    """With HF_HUB_OFFLINE=1, which the tests run under, the Hub's client refuses at once."""
    assert constants.HF_HUB_OFFLINE
    ended = CliRunner().invoke(fetch.main, ["--env", "paper", "--dry-run"])
    assert ended.exit_code == 1
    assert ended.output.count("\n") == 1
    assert SD in ended.output


def test_mistakes_are_named(root, hub):
    ended = CliRunner().invoke(fetch.main, ["--env", "papre"])
    assert ended.exit_code == 1
    assert "known are: base, bestiary, local, paper, smoke" in ended.output
    with pytest.raises(
        ConfigurationError, match="'dinov2_vitb14' cannot be fetched; these can: ens"
    ):
        needs_of(root, **preset("DreamSim", folder="x", kind="dinov2_vitb14"))
    with pytest.raises(ConfigurationError, match=r"no weights 'none' of 'ViT-B-32'"):
        needs_of(root, **preset("OpenCLIP", architecture="ViT-B-32", pretrained="none"))
    (need,) = needs_of(root, **preset("HPSv2", checkpoint="none.pt", repo="xswu/HPSv2"))
    with pytest.raises(ConfigurationError, match=r"xswu/HPSv2 on the Hub has no none.pt"):
        downloading.hub_files(need)


def test_what_cannot_be_trained_is_not_downloaded(root, hub, monkeypatch):
    monkeypatch.setitem(HUB, "owner/xl", HUB[SD])
    given = ["--env", "paper", "--params", "train.base_model=owner/xl"]
    ended = CliRunner().invoke(fetch.main, given)
    assert ended.exit_code == 1
    assert "train.base_model: owner/xl is a StableDiffusionXLPipeline; what can be" in ended.output
    assert not hub
