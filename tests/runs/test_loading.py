"""Classes of one's own that are no policy or no method are refused in one line."""

from pathlib import Path

import boosted_method
import pytest
import yaml
from kedro.config import OmegaConfigLoader
from tiny_flow import make_flow

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.classes import check_method, policy_settings
from drift_pipeline.config.method import STANDARD
from drift_pipeline.config.train import Train
from drift_pipeline.methods.standard import Standard
from drift_pipeline.policies.adapted import AdaptedPolicy
from drift_pipeline.policies.stable_diffusion import StableDiffusion
from drift_pipeline.runs.loading import check_members, load_method, load_policy
from drift_pipeline.runs.run import Run
from drift_pipeline.settings import CONFIG_LOADER_ARGS

TRAINED = {"epochs": 1, "learning_rate": 1e-3}
"""What every preset has to say, and these tests do not depend on."""


class HalfAPolicy(AdaptedPolicy):
    def __init__(self, source):
        from flow_policy import load_velocity

        super().__init__(load_velocity(Path(source)), ("to_q",), str(source), device="cpu")


class HalfAMethod:
    def __init__(self, **given):
        self.perturbs_prompts = False

    def select(self, rewards):
        return rewards


@pytest.fixture(scope="module")
def parameters(project_path):
    loader = OmegaConfigLoader(project_path / "conf", env="smoke", **CONFIG_LOADER_ARGS)
    return yaml.safe_load(yaml.safe_dump(loader["parameters"]))


def test_a_policy_must_have_all_that_training_asks_for(parameters, project_path, tmp_path):
    train = {
        **parameters["train"],
        "base_model": str(make_flow(tmp_path)),
        "policy": {"policy": f"{__name__}.HalfAPolicy"},
    }
    run = Run.from_parameters({**parameters, "train": train}, project_path)
    with pytest.raises(ConfigurationError) as error:
        load_policy(run)
    assert str(error.value) == (
        "train.policy.policy: test_loading.HalfAPolicy is no Policy "
        "(drift_pipeline.policies.base): it has no latent_shape, embed, schedule, step, decode"
    )


def test_a_method_must_have_all_that_training_asks_for(parameters, project_path):
    methods = {"mine": {"method": f"{__name__}.HalfAMethod", **TRAINED}}
    run = Run.from_parameters({**parameters, "methods": methods, "method": "mine"}, project_path)
    with pytest.raises(ConfigurationError) as error:
        load_method(run)
    assert str(error.value) == (
        "methods.mine.method: test_loading.HalfAMethod is no Method "
        "(drift_pipeline.methods.base): it has no perturb, credit, step_weights, kl_weights, "
        "renews_reference"
    )


def test_a_method_gets_its_options_beside_its_switches(parameters, project_path):
    preset = {"method": "boosted_method.Boosted", "options": {"power": 3.0}, "kl_beta": 0.5}
    methods = {"mine": {**preset, **TRAINED}}
    run = Run.from_parameters({**parameters, "methods": methods, "method": "mine"}, project_path)
    method = load_method(run)
    mine = method.method
    assert isinstance(mine, boosted_method.Boosted)
    assert (mine.power, mine.preset.kl_beta) == (3.0, 0.5)
    assert mine.group_size == method.group_size == run.train.group_size


class Reading(Standard):
    def __init__(self, file, **given):
        super().__init__(**given)
        self.file = file


class Narrow(Standard):
    def __init__(self, preset):
        super().__init__(preset)


def of_class(parameters, root, name, **preset) -> Run:
    mine = {"method": f"{__name__}.{name}", **TRAINED, **preset}
    return Run.from_parameters({**parameters, "methods": {"mine": mine}, "method": "mine"}, root)


def test_paths_in_a_methods_options_start_in_the_project(parameters, tmp_path, monkeypatch):
    (tmp_path / "table.csv").write_text("1")
    monkeypatch.chdir("/")
    run = of_class(parameters, tmp_path, "Reading", options={"file": "table.csv"})
    assert load_method(run).method.file == str(tmp_path / "table.csv")
    assert "methods.mine.options.file (content)" in run.identity(["a"])


def test_a_method_must_take_what_every_method_gets(parameters, tmp_path):
    run = of_class(parameters, tmp_path, "Narrow")
    with pytest.raises(ConfigurationError, match=r"does not take group_size, .*\*\*given"):
        check_method("mine", run.method)


def test_what_is_lacking_is_said_before_anything_is_made(parameters, tmp_path):
    run = of_class(parameters, tmp_path, "HalfAMethod")
    with pytest.raises(ConfigurationError, match=r"is no Method .* it has no perturb, credit"):
        check_members(run)
    check_members(of_class(parameters, tmp_path, "Reading"))


def test_a_method_that_selects_by_itself_needs_no_selection(parameters, tmp_path):
    run = of_class(parameters, tmp_path, "Reading", candidates=2)
    assert (run.method.selection, run.method.rule) == ("all", "Reading")
    with pytest.raises(ConfigurationError, match="selection 'all' trains on every candidate"):
        of_class(parameters, tmp_path, "Reading", candidates=2, method=STANDARD)


def test_a_policy_that_hands_settings_on_gets_all_of_them(parameters):
    class Stronger(StableDiffusion):
        def __init__(self, source, strength=1.0, **given):
            super().__init__(source, **given)

    train = Train.model_validate({**parameters["train"], "channels_last": True})
    assert policy_settings(Stronger, train) == policy_settings(StableDiffusion, train)


@pytest.mark.parametrize(("factor", "precision", "warned"), [
    (3.0, "bf16", True), (0.9, "bf16", False), (3.0, "fp32", False),
])  # fmt: skip
def test_a_precision_that_is_slower_here_is_warned_of(
    parameters, project_path, monkeypatch, caplog, factor, precision, warned
):
    monkeypatch.setattr("drift_pipeline.common.devices.slowdown", lambda dtype: factor)
    train = {**parameters["train"], "precision": precision, "device": "cpu"}
    load_policy(Run.from_parameters({**parameters, "train": train}, project_path))
    said = [line for line in caplog.messages if "times as long" in line]
    expected = f"train.precision: this CPU takes 3.0 times as long in {precision} as in fp32"
    assert [line.startswith(expected) for line in said] == [True] * warned


def test_the_loudest_step_is_named_at_the_start(parameters, project_path, caplog):
    caplog.set_level("INFO")
    train = {**parameters["train"], "sampling": {"steps": 8}}
    load_policy(Run.from_parameters({**parameters, "train": train}, project_path))
    line = next(record.message for record in caplog.records if "Steps:" in record.message)
    assert line == (
        "Steps: 7 of 8 draw noise; step 1 (t = 999) has 23 % of the squared score norm, "
        "1.6 times its equal share"
    )
