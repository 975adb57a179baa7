"""What a user mistypes is refused in one line with the name that was meant, at every level."""

from copy import deepcopy

import pytest
from omegaconf import OmegaConf

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.base import MAX_EPOCHS
from drift_pipeline.config.check import RESERVED, check_parameters


@pytest.fixture
def check(configuration):
    def check(*given: str):
        values = OmegaConf.from_dotlist(list(given))
        merged = OmegaConf.merge(deepcopy(configuration), values)
        return check_parameters(OmegaConf.to_container(merged), OmegaConf.to_container(values))

    return check


def test_the_projects_own_parameters_pass(check):
    everything = check()
    assert everything.train.group_size == 8
    assert everything.analyze.rewards.keys() == {"pickscore", "hpsv2"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("methd=grpo", "methd: is not a known parameter; did you mean method?"),
        ("trainn.epochs=3", "trainn: is not a known parameter; did you mean train?"),
        ("epochs=3", "epochs: is not a known parameter; did you mean train.epochs?"),
        ("kl_beta=0.1", "did you mean methods.<name>.kl_beta?"),
        ("train.optimisation.learning_rate=1",
         "train.optimisation: is not a known parameter; did you mean train.optimization?"),
        ("train.optimization.learning_rat=1", "did you mean train.optimization.learning_rate?"),
        ("train.learning_rate=1", "did you mean train.optimization.learning_rate?"),
        ("train.lora.Rank=4", "did you mean train.lora.rank?"),
        ("generate.foo=1", "generate.foo: is not a known parameter; known are: prompts, images_"),
        ("measure.recal_k=1", "did you mean measure.recall_k?"),
        ("analyze.foo=1", "analyze.foo: is not a known parameter; known are: rewards, "),
        ("analyze.grid.image=3", "did you mean analyze.grid.images?"),
        ("analyze.comparisons.main.seed=3", "did you mean analyze.comparisons.main.seeds?"),
        ("bestiary.unet.step=3", "did you mean bestiary.unet.steps?"),
        ("methods.grpo.candidats=3", "did you mean methods.grpo.candidates?"),
        ("methods.grpo.shaping.sgma=3", "did you mean methods.grpo.shaping.sigma?"),
        ("rewards.hpsv2.bound=[0,1]", "did you mean rewards.hpsv2.bounds?"),
        ("rewards.hpsv2.truth_option.a=1", "did you mean rewards.hpsv2.truth_options?"),
        ("rewards.shows_prompt.truth_options.a=1", "rewards.shows_prompt: truth_options: there"),
        ("encoders.openclip.option.x=1", "did you mean encoders.openclip.options?"),
        ("zebra=1", "known are: method, reward, .*a name that begins with _"),
    ],
)  # fmt: skip
def test_unknown_keys_are_refused(check, given, message):
    with pytest.raises(ConfigurationError, match=message.replace("?", r"\?")) as error:
        check(given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "train=5",
            r"train: is a group of parameters, such as train.epochs, not a value \(it is 5",
        ),
        ("methods.drift=3", "methods.drift: is a group of parameters, such as methods.drift.cand"),
        ("methods=3", "methods: is a group of parameters, not a value"),
        ("analyze.grid=x", r"analyze.grid: is a group .* analyze.grid.prompts, not .*\(it is 'x'"),
        ("train.epochs=true", "train.epochs: must not be true or false"),
        ("train.sampling.guidance=true", "train.sampling.guidance: must not be true or false"),
        ("train.epochs=1.5", r"train.epochs: .*\(it is 1.5\)"),
        ("train.epochs=many", r"train.epochs: .*integer.*\(it is 'many'\)"),
        ("train.progress=3", r"train.progress: .*boolean.*\(it is 3\)"),
        ("methods.a/b.kl_beta=0", r"methods.a/b: .*pattern"),
        ("measure.manifold_encoder=clip", "measure: manifold_encoder: 'clip' is not one of"),
    ],
)
def test_values_of_another_kind_are_refused(check, given, message):
    with pytest.raises(ConfigurationError, match=message) as error:
        check(given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "given",
    [
        "train.epochs=1e9",
        f"train.epochs={MAX_EPOCHS + 1}",
        "methods.drift.epochs=1e9",
        "methods.drift.candidates=1e9",
        "train.groups_per_epoch=1e9",
        "train.group_size=1e9",
        "train.sampling.steps=1e9",
        "train.sampling.batch_size=1e9",
        "train.lora.rank=1e9",
        "train.workers=1e9",
        "generate.images_per_prompt=1e9",
        "generate.first_seed=5e18",
        "measure.resamples=1e9",
        "analyze.grid.images=1e9",
        "bestiary.pictures=1e9",
        "train.optimization.learning_rate=100",
    ],
)
def test_numbers_that_no_machine_can_hold_are_refused(check, given):
    name = given.partition("=")[0]
    with pytest.raises(ConfigurationError, match=rf"^{name}: .*less than .*\(it is "):
        check(given)


def test_a_preset_of_the_command_line_that_nothing_uses_is_a_misspelled_one(check):
    with pytest.raises(ConfigurationError, match=r"methods.drfit: .*did you mean methods.drift\?"):
        check("methods.drfit.candidates=4", "methods.drfit.selection=contrasted")
    with pytest.raises(ConfigurationError, match=r"rewards.pikscore: .*mean rewards.pickscore\?"):
        check("rewards.pikscore.scorer=a.B")
    check("method=mine", "methods.mine.kl_beta=0.1")
    check("reward=mine", "rewards.mine.scorer=a.B")
    check("methods.grpo.kl_beta=0.1")  # of another method that is known: no mistake


@pytest.mark.parametrize("kind", ["methods", "rewards"])
def test_names_that_the_analysis_has_for_something_else_are_refused(check, kind):
    for name in RESERVED[kind]:
        given = {"methods": "kl_beta=0.1", "rewards": "scorer=a.B"}[kind]
        with pytest.raises(ConfigurationError, match=rf"^{kind}.{name}: .*choose another") as error:
            check(f"{kind[:-1]}={name}", f"{kind}.{name}.{given}")
        assert "\n" not in str(error.value)
    with pytest.raises(ConfigurationError, match=r"^rewards.findings: "):
        check("analyze.rewards.findings.label=Findings")


def test_kinds_are_not_a_reward_to_compare_runs_by(check):
    kinds = ["scorer=a.B", "measured_only=true", "kinds=true"]
    given = [f"rewards.coat.{value}" for value in kinds]
    everything = check(*given, "measure.rewards=[pickscore,coat]")
    assert everything.rewards["coat"].kinds
    with pytest.raises(ConfigurationError, match=r"^analyze\.rewards\.coat: .*cannot be compared"):
        check(*given, "analyze.rewards.coat.label=Coat")


def test_a_key_of_ones_own_is_allowed_under_a_name_that_says_so(check):
    check("_mine.anything=1")
    with pytest.raises(ConfigurationError, match=r"train._mine: is not a known"):
        check("train._mine=1")
