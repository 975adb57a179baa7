from dataclasses import replace

import pytest
import torch
from tiny_policy import make_method

from drift_pipeline.common.randomness import keyed_permutation
from drift_pipeline.config.method import MethodPreset
from drift_pipeline.config.train import Optimization, PromptNoise
from drift_pipeline.datasets import PolicyDataset
from drift_pipeline.methods.standard import Standard
from drift_pipeline.policies.stable_diffusion import StableDiffusion
from drift_pipeline.training.by_step import COLUMNS
from drift_pipeline.training.trajectories import conditions
from drift_pipeline.training.update import update

PULLED = make_method(kl_beta=0.1)
ADVANTAGES = torch.tensor([1.0, -0.5, 0.25, -1.5, 0.0, 2.0, -1.0, 0.5])
# With the usual ε of 1e-8 AdamW's first steps are ± the learning rate whatever the gradient's size,
# so that rounding decides the sign where a gradient is nearly zero.
OPTIMIZATION = Optimization(
    learning_rate=1e-4, clip_range=1e-3, updates_per_epoch=2, micro_batch_size=64, epsilon=1e-5
)


def distance(state, other) -> float:
    return max(
        (state.adapter[name] - other.adapter[name]).abs().max().item() for name in state.adapter
    )


def test_the_ratio_is_one_before_the_first_update(model, moved, trajectories, sampling, method):
    for size in (64, 5):
        few = OPTIMIZATION.model_copy(update={"micro_batch_size": size})
        _, rows = update(model, moved, method, trajectories, ADVANTAGES, sampling, few)
        assert rows[0]["ratio_max_dev"] < 1e-5
        assert rows[0]["clip_fraction"] == 0
        assert rows[1]["ratio_max_dev"] > 1e-5


@pytest.mark.parametrize("size", [1, 5, 7])
def test_the_micro_batch_is_a_matter_of_memory(model, moved, trajectories, sampling, method, size):
    # The clip is a switch: rounding decides for a row that sits right on it, and then moves the
    # adapter by more than rounding. So no row is clipped here.
    free = OPTIMIZATION.model_copy(update={"clip_range": 0.2})
    small = free.model_copy(update={"micro_batch_size": size})
    whole, rows = update(model, moved, PULLED, trajectories, ADVANTAGES, sampling, free)
    parts, again = update(model, moved, PULLED, trajectories, ADVANTAGES, sampling, small)
    assert distance(whole, parts) < 1e-5
    assert distance(whole, moved) > 1e-4
    for row, other in zip(rows, again, strict=True):
        assert row["loss"] == pytest.approx(other["loss"], abs=1e-5)
        assert row["kl"] == pytest.approx(other["kl"], rel=1e-3)
        assert row["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-3)


def test_micro_batches_at_the_same_time_give_the_same_bits(
    model, moved, trajectories, sampling, method
):
    few = OPTIMIZATION.model_copy(update={"micro_batch_size": 3})
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    one, rows = update(model, moved, PULLED, trajectories, ADVANTAGES, sampling, few)
    two, again = update(model, moved, PULLED, trajectories, ADVANTAGES, sampling, few, workers=2)
    torch.set_num_threads(cores)
    assert distance(one, two) == 0
    assert [row["kl"] for row in rows] == [row["kl"] for row in again]


class Uneven(Standard):
    """Weighs steps, and holds back only samples that did worse than their group."""

    def step_weights(self, times):
        assert times.tolist() == sorted(times.tolist(), reverse=True)
        return torch.tensor([0.5, 0.0, 2.0])

    def kl_weights(self, advantages, times):
        return 0.1 * (advantages < 0).float()[:, None] * torch.tensor([1.0, 0.0, 3.0])


NOISE = PromptNoise(scale=0.5, tau1=0.0)
METHODS = {
    "no KL": make_method(),
    "KL": make_method(kl_beta=0.05),
    "uneven": Uneven(MethodPreset(prompt_noise=True), prompt_noise=NOISE),
}


@pytest.mark.parametrize("name", METHODS)
def test_it_is_the_loop_one_would_write_by_hand(model, moved, trajectories, sampling, name):
    """One (sample, step) at a time, the objective spelled out, plain AdamW."""
    method = METHODS[name]
    actual, rows = update(model, moved, method, trajectories, ADVANTAGES, sampling, OPTIMIZATION)
    model.load_adapter(moved)
    model.schedule(sampling)
    optimizer = torch.optim.AdamW(
        model.adapter.values(), lr=1e-4, betas=(0.9, 0.999), eps=1e-5, weight_decay=1e-4
    )
    order = keyed_permutation(8, trajectories.seed, "shuffle", 1)
    for samples, row in zip(order.split(4), rows, strict=True):
        optimizer.zero_grad()
        terms = []
        for sample in samples.tolist():
            for step in range(sampling.steps):
                terms.append(_objective(model, method, trajectories, sample, step, sampling))
        loss = torch.stack(terms).mean()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.adapter.values(), 1.0)
        optimizer.step()
        assert row["loss"] == pytest.approx(loss.item(), abs=1e-5)
        assert row["grad_norm"] == pytest.approx(norm.item(), rel=1e-3)
    for name, parameter in model.adapter.items():
        torch.testing.assert_close(actual.adapter[name], parameter.detach(), rtol=0, atol=1e-5)


def _objective(model, method, trajectories, sample, step, sampling):
    latents = trajectories.latents[sample : sample + 1, step]
    following = trajectories.latents[sample, step + 1]
    rows, steps = torch.tensor([sample]), torch.tensor([step])
    condition = conditions(model, method, trajectories, rows, steps)
    inputs = (latents, trajectories.schedule.times[steps], condition, sampling)
    with torch.no_grad(), model.reference():
        reference = model.step(*inputs)[0][0]
    mean, std = (value[0] for value in model.step(*inputs))
    log_prob = torch.distributions.Normal(mean, std).log_prob(following).mean()
    ratio = (log_prob - trajectories.log_probs[sample, step]).exp()
    advantage, times = ADVANTAGES[sample], trajectories.schedule.fractions
    surrogate = torch.min(ratio * advantage, ratio.clamp(1 - 1e-3, 1 + 1e-3) * advantage)
    divergence = ((mean - reference) ** 2 / (2 * std**2)).mean()
    weight = method.step_weights(times)[step]
    return method.kl_weights(ADVANTAGES, times)[sample, step] * divergence - weight * surrogate


def test_deterministic_steps_are_not_trained_on(model, moved, trajectories, sampling, monkeypatch):
    """As if they were not there: neither in the gradient nor in the average."""
    schedule = replace(model.schedule(sampling), stochastic=torch.tensor([True, True, False]))
    log_probs = trajectories.log_probs.clone()
    log_probs[:, 2] = float("nan")
    ending = replace(trajectories, schedule=schedule, log_probs=log_probs)
    monkeypatch.setattr(StableDiffusion, "schedule", lambda self, sampling: schedule)
    method = make_method(kl_beta=0.1)
    actual, rows = update(model, moved, method, ending, ADVANTAGES, sampling, OPTIMIZATION)
    few = replace(trajectories, log_probs=log_probs)

    class Early(Standard):
        def step_weights(self, times):
            return torch.tensor([1.5, 1.5, 0.0])  # the average is over three steps, not two

        def kl_weights(self, advantages, times):
            return 0.15 * torch.tensor([1.0, 1.0, 0.0]).repeat(len(advantages), 1)

    every = replace(schedule, stochastic=torch.ones(3, dtype=torch.bool))
    monkeypatch.setattr(StableDiffusion, "schedule", lambda self, sampling: every)
    early = Early(MethodPreset(prompt_noise=True), prompt_noise=NOISE)
    unmeasured = OPTIMIZATION.model_copy(update={"measure_kl_rows": 0})
    expected, others = update(model, moved, early, few, ADVANTAGES, sampling, unmeasured)
    assert distance(actual, expected) < 1e-6
    assert [row["loss"] for row in rows] == pytest.approx([r["loss"] for r in others], abs=1e-5)


def test_the_reference_is_renewed_when_the_method_says_so(
    model, moved, trajectories, sampling, tmp_path
):
    class Following(Standard):
        def renews_reference(self, epoch):
            return epoch == 1

    method = Following(MethodPreset(prompt_noise=True), prompt_noise=NOISE)
    arguments = (ADVANTAGES, sampling, OPTIMIZATION)
    first, rows = update(model, moved, method, trajectories, *arguments)
    assert rows[0]["kl"] > 0.01  # from the base model
    assert torch.equal(first.reference[name := next(iter(first.adapter))], first.adapter[name])
    dataset = PolicyDataset(filepath=str(tmp_path / "policy"))
    dataset.save(first)
    second, later = update(
        model, dataset.load(), method, replace(trajectories, epoch=2), *arguments
    )
    assert later[0]["kl"] == 0  # from itself
    assert later[1]["kl"] > 0
    assert all(torch.equal(second.reference[n], first.adapter[n]) for n in first.adapter)
    assert distance(second, first) > 0


def test_the_kl_term_has_a_gradient_of_its_own(model, moved, trajectories, sampling, method):
    nothing = torch.zeros(8)
    still, rows = update(model, moved, method, trajectories, nothing, sampling, OPTIMIZATION)
    assert [row["grad_norm"] for row in rows] == [0, 0]
    assert distance(still, moved) < 1e-7  # weight decay alone
    pulled, rows = update(
        model, moved, make_method(kl_beta=1.0), trajectories, nothing, sampling, OPTIMIZATION
    )
    assert all(row["grad_norm"] > 1e-4 for row in rows)
    assert distance(pulled, moved) > 1e-5
    # The same samples again, from where the pull has led: nearer to the base model.
    _, later = update(
        model, replace(pulled, optimizer={}), make_method(kl_beta=1.0), trajectories, nothing,
        sampling, OPTIMIZATION,
    )  # fmt: skip
    assert later[0]["kl"] < rows[0]["kl"]


def test_kl_is_measured_without_the_term_too(model, moved, trajectories, sampling, method):
    def kl(state, rows, beta=0.0):
        few = OPTIMIZATION.model_copy(update={"measure_kl_rows": rows})
        method = make_method(kl_beta=beta)
        return update(model, state, method, trajectories, ADVANTAGES, sampling, few)[1][0]["kl"]

    assert kl(moved, 64) == pytest.approx(kl(moved, 64, beta=1e-12), rel=0.5)
    assert kl(moved, 64) > 0
    assert kl(moved, 0) != kl(moved, 0)  # NaN: nothing was measured
    assert kl(model.initial_state(1), 64) == 0


def test_samples_of_zero_advantage_cost_nothing_and_change_nothing(
    model, moved, trajectories, sampling, method, monkeypatch
):
    advantages = ADVANTAGES.where(ADVANTAGES > 0, 0.0)
    rows_seen = []
    step = StableDiffusion.step
    monkeypatch.setattr(
        StableDiffusion,
        "step",
        lambda self, latents, *rest: rows_seen.append(len(latents)) or step(self, latents, *rest),
    )
    unmeasured = OPTIMIZATION.model_copy(update={"measure_kl_rows": 0})
    skipped, _ = update(model, moved, method, trajectories, advantages, sampling, unmeasured)
    assert sum(rows_seen) == int((advantages != 0).sum()) * sampling.steps
    # A vanishing KL weight keeps every row.
    kept, _ = update(
        model, moved, make_method(kl_beta=1e-30), trajectories, advantages, sampling, unmeasured
    )
    assert distance(skipped, kept) < 1e-5


def test_every_trajectory_has_one_advantage(model, moved, trajectories, sampling, method):
    for count in (7, 9):
        with pytest.raises(ValueError, match=rf"advantages \({count},\), trajectories \(8,\)"):
            update(model, moved, method, trajectories, torch.ones(count), sampling, OPTIMIZATION)


def test_advantages_are_cut(model, moved, trajectories, sampling, method):
    cut = OPTIMIZATION.model_copy(update={"advantage_clip": 0.5})
    actual, _ = update(model, moved, method, trajectories, ADVANTAGES * 100, sampling, cut)
    expected, _ = update(
        model, moved, method, trajectories, (ADVANTAGES * 100).clamp(-0.5, 0.5), sampling,
        OPTIMIZATION,
    )  # fmt: skip
    assert distance(actual, expected) == 0


def test_nothing_lives_outside_the_state(model, moved, trajectories, sampling, method, tmp_path):
    """Two epochs, once straight and once by way of the disk and another model: bit for bit."""
    second = replace(trajectories, epoch=2)
    arguments = (ADVANTAGES, sampling, OPTIMIZATION)
    before = {name: tensor.clone() for name, tensor in moved.adapter.items()}
    first, _ = update(model, moved, method, trajectories, *arguments)
    straight, _ = update(model, first, method, second, *arguments)
    dataset = PolicyDataset(filepath=str(tmp_path / "policy"))
    dataset.save(first)
    other = StableDiffusion(model.source, device="cpu")
    resumed, _ = update(other, dataset.load(), method, second, *arguments)
    assert distance(straight, resumed) == 0
    assert straight.optimizer.keys() == resumed.optimizer.keys()
    assert all(torch.equal(straight.optimizer[n], resumed.optimizer[n]) for n in resumed.optimizer)
    assert resumed.epoch == 2
    assert all(torch.equal(moved.adapter[name], before[name]) for name in before)


def test_the_optimizers_memory_matters(model, moved, trajectories, sampling, method):
    first, _ = update(model, moved, method, trajectories, ADVANTAGES, sampling, OPTIMIZATION)
    arguments = (method, trajectories, ADVANTAGES, sampling, OPTIMIZATION)
    remembering, _ = update(model, first, *arguments)
    forgetful, _ = update(model, replace(first, optimizer={}), *arguments)
    assert distance(remembering, forgetful) > 1e-6
    with pytest.raises(ValueError, match="epoch 1 has kept no optimizer state"):
        update(model, replace(first, optimizer=None), *arguments)


def test_gradient_checkpointing_changes_nothing(model, moved, trajectories, sampling, method):
    thrifty = StableDiffusion(model.source, device="cpu", gradient_checkpointing=True)
    arguments = (method, trajectories, ADVANTAGES, sampling, OPTIMIZATION)
    assert (
        distance(update(model, moved, *arguments)[0], update(thrifty, moved, *arguments)[0]) < 1e-5
    )


def test_a_number_that_is_not_finite_is_named(model, moved, trajectories, sampling, method):
    broken = replace(trajectories, latents=trajectories.latents.clone())
    broken.latents[5, 2] = float("nan")
    with pytest.raises(FloatingPointError, match=r"epoch 1, group 1 \('a photo of a dog'\)"):
        update(model, moved, method, broken, ADVANTAGES, sampling, OPTIMIZATION)


def test_a_gradient_that_is_not_finite_is_named(model, moved, trajectories, sampling, method):
    advantages = torch.full((8,), 1.0).index_fill(0, torch.tensor([3]), float("nan"))
    with pytest.raises(FloatingPointError, match=r"epoch 1, group \d \('a photo of a .*'\), candi"):
        update(model, moved, method, trajectories, advantages, sampling, OPTIMIZATION)


def test_the_ratios_of_micro_batches_add_up(model, moved, trajectories, sampling, method):
    few = OPTIMIZATION.model_copy(update={"micro_batch_size": 5, "learning_rate": 1e-3})
    whole = few.model_copy(update={"micro_batch_size": 64})
    arguments = (model, moved, method, trajectories, ADVANTAGES, sampling)
    parts, all_at_once = (update(*arguments, each)[1][1] for each in (few, whole))
    for name in ("ratio_mean", "ratio_max_dev", "clip_fraction"):
        assert parts[name] == pytest.approx(all_at_once[name], rel=1e-2), name
    assert 0 < parts["clip_fraction"] <= 1


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_trains(folder, moved, sampling, method, precision):
    from drift_pipeline.training.rollout import rollout

    model = StableDiffusion(folder, precision=precision, device="cpu")
    trajectories, _ = rollout(model, moved, method, ["a photo of a cat"], 4, 42, 1, sampling)
    state, rows = update(model, moved, method, trajectories, ADVANTAGES[:4], sampling, OPTIMIZATION)
    assert rows[0]["ratio_max_dev"] < 0.05  # the batches differ, and so does the rounding
    assert all(tensor.dtype == torch.float32 for tensor in state.adapter.values())
    assert distance(state, moved) > 0
    assert ("scale" in state.scaler) == (precision == "fp16")


@pytest.mark.parametrize("weights", [(1.0, 3.0, 0.0), "std"])
def test_weights_of_steps_are_settings_too(model, moved, trajectories, sampling, weights):
    """As if the method weighed them."""
    setting = OPTIMIZATION.model_copy(update={"step_weights": weights})
    std = model.schedule(sampling).deviations
    own = torch.tensor(weights) if weights != "std" else std

    class Weighing(Standard):
        def step_weights(self, times):
            return 3 * own / own.sum()

    method = Weighing(MethodPreset(prompt_noise=True), prompt_noise=NOISE)
    by_method, rows = update(model, moved, method, trajectories, ADVANTAGES, sampling, OPTIMIZATION)
    by_setting, same = update(
        model, moved, make_method(), trajectories, ADVANTAGES, sampling, setting
    )
    assert distance(by_method, by_setting) < 1e-6
    assert rows[0]["loss"] == pytest.approx(same[0]["loss"], rel=1e-5)


def test_each_step_has_its_clipped_ratios_its_kl_and_its_share_of_the_gradient(
    model, moved, trajectories, sampling
):
    """Against a loop over steps, the gradient taken at the UNet's own output."""
    method = make_method(kl_beta=0.05)
    one = OPTIMIZATION.model_copy(update={"updates_per_epoch": 1, "micro_batch_size": 5})
    off = replace(trajectories, log_probs=trajectories.log_probs + torch.tensor([0.0, 0.01, 0.0]))
    _, (row,) = update(model, moved, method, off, ADVANTAGES, sampling, one)
    model.load_adapter(moved)
    model.schedule(sampling)
    outputs = []
    forward = model.predict
    squares, divergences = torch.zeros(3), torch.zeros(3)

    def predict(*arguments):
        outputs.append(forward(*arguments))
        return outputs[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "predict", predict)
        for sample in range(8):
            for step in range(3):
                loss = _objective(model, method, off, sample, step, sampling)
                (gradient,) = torch.autograd.grad(loss, outputs[-1])
                squares[step] += gradient.square().sum()
                rows, steps = torch.tensor([sample]), torch.tensor([step])
                condition = conditions(model, method, off, rows, steps)
                times = off.schedule.times[steps]
                inputs = (off.latents[rows, step], times, condition, sampling)
                with torch.no_grad():
                    mean, std = model.step(*inputs)
                    with model.reference():
                        reference, _ = model.step(*inputs)
                divergences[step] += ((mean - reference) ** 2 / (2 * std**2)).mean() / 8
    assert row["clip_fraction_by_step"] == [0, 1, 0]
    assert row["gradient_share_by_step"] == pytest.approx(
        (squares / squares.sum()).tolist(), rel=1e-3
    )
    assert row["kl_by_step"] == pytest.approx(divergences.tolist(), rel=1e-3)


def test_a_step_without_rows_has_no_numbers(model, moved, trajectories, sampling, method):
    few = OPTIMIZATION.model_copy(update={"step_weights": (1.0, 0.0, 1.0)})
    _, rows = update(model, moved, method, trajectories, ADVANTAGES, sampling, few)
    for name in COLUMNS:
        assert [value != value for value in rows[0][name]] == [False, True, False]
