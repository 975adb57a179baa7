"""benchmarks/gpu.py in miniature, on the CPU; and that each of its checks can fail."""

import json
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

NAMES = ("gpu", "gpu_baseline", "gpu_checks", "gpu_epoch", "gpu_model", "gpu_policy", "gpu_report",
         "gpu_states", "gpu_times")  # fmt: skip
NOT_INSTALLED = (
    "kedro", "kedro_datasets", "dvc", "pandas", "pyarrow", "omegaconf", "open_clip", "dreamsim",
    "hpsv2", "torchvision", "matplotlib", "scipy",
)  # fmt: skip
WITHOUT_THEM = """
import sys
for name in {missing}:
    sys.modules[name] = None  # importing it fails, and looking for it finds nothing
sys.path.insert(0, {folder!r})
import gpu
gpu.WHOLE = float("inf")  # seconds that are never left
sys.exit(gpu.main({arguments}))
"""


@pytest.fixture(scope="module")
def scripts(project_path):
    """The script's modules, by name."""
    sys.path.insert(0, str(project_path / "benchmarks"))
    try:
        yield {name: __import__(name) for name in NAMES}
    finally:
        sys.path.pop(0)


@pytest.fixture(scope="module")
def bench(scripts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpu") / "model"
    size, device = scripts["gpu_model"].SMALL, torch.device("cpu")
    scripts["gpu_model"].save_model(size, folder, device)
    return scripts["gpu_policy"].Bench(size, device, folder)


@pytest.fixture
def report(scripts, tmp_path):
    clock = [0.0]
    made = scripts["gpu_report"].Report(
        tmp_path / "gpu.json", 1, {"card": "none"}, lambda: clock[0]
    )
    made.clock = clock
    return made


def verdicts(results):
    return {result.name: result.verdict for result in results}


def test_all_of_it_runs_where_little_is_installed(project_path, tmp_path):
    out = tmp_path / "gpu.json"
    arguments = ["--device=cpu", "--small", "--minutes=20", f"--out={out}"]
    program = WITHOUT_THEM.format(
        missing=NOT_INSTALLED, folder=str(project_path / "benchmarks"), arguments=arguments
    )
    # Isolated, so that the package is found where the script looks for it.
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads(out.read_text())
    assert content["complete"] and content["device"] == "cpu" and content["torch"]
    found = {result["name"]: result for result in content["results"]}
    assert len(found) == len(content["results"])
    bad = {name: r["note"] for name, r in found.items() if r["verdict"] in ("failed", "error")}
    assert not bad
    assert sum(result["verdict"] == "ok" for result in found.values()) >= 18
    impossible = [name for name, r in found.items() if r["verdict"] == "not possible"]
    assert all(name == "CUDA graph" or "attention by" in name for name in impossible)
    # What there is no time for is listed.
    missing = [name for name, r in found.items() if r["verdict"] == "not measured"]
    assert missing == ["UNet compiled"] and "not measured: UNet compiled" in done.stdout
    for name in ("epoch, best batches", "epoch, fastest of all", "usual loop: update"):
        assert found[name]["value"] > 0
        assert name in done.stdout
    assert found["update, bf16, micro-batch 4"]["details"]["share of peak"] > 0
    assert found["update, bf16, micro-batch 4"]["details"]["|ratio - 1|"] < 1e-3


def test_a_reference_that_keeps_its_adapter_fails(scripts, bench, monkeypatch):
    monkeypatch.setattr(scripts["gpu_policy"].Thinned, "reference", lambda self: nullcontext())
    first, second = scripts["gpu_checks"].check_reference(bench)
    assert (first.verdict, second.verdict) == ("failed", "ok")
    assert first.value > 1e-3


def test_an_adapter_that_does_nothing_fails(scripts, bench, monkeypatch):
    """Without one every policy is the base model, and the check would prove nothing."""
    still = lambda policy: policy.initial_state(42)  # noqa: E731
    monkeypatch.setattr(scripts["gpu_checks"], "moved", still)
    first, _ = scripts["gpu_checks"].check_reference(bench)
    assert first.verdict == "failed" and "changes nothing" in first.note


def test_a_ratio_that_is_off_fails(scripts, bench, monkeypatch):
    log_prob = scripts["gpu_policy"].Thinned.log_prob

    def shifted(self, *arguments):
        return log_prob(self, *arguments) + 2e-5 * torch.is_grad_enabled()

    (right,) = scripts["gpu_checks"].check_ratio(bench, "fp32")
    assert right.verdict == "ok"
    monkeypatch.setattr(scripts["gpu_policy"].Thinned, "log_prob", shifted)
    (wrong,) = scripts["gpu_checks"].check_ratio(bench, "fp32")
    assert wrong.verdict == "failed"
    assert wrong.value == pytest.approx(2e-5, rel=0.1)


def test_candidates_that_depend_on_their_batch_fail(scripts, bench, monkeypatch):
    predict = scripts["gpu_policy"].Thinned.predict

    def leaking(self, latents, *rest):
        output = predict(self, latents, *rest)
        return output + 0.01 * output.mean(dim=0, keepdim=True)

    monkeypatch.setattr(scripts["gpu_policy"].Thinned, "predict", leaking)
    assert {*verdicts(scripts["gpu_checks"].check_batches(bench, "fp32")).values()} == {"failed"}


def test_a_device_that_computes_something_else_fails(scripts, bench, monkeypatch):
    policy = bench.policy("fp32")
    right = policy.predict
    monkeypatch.setattr(policy, "predict", lambda *arguments: 1.01 * right(*arguments))
    found = verdicts(scripts["gpu_checks"].check_cpu(bench))
    held = {name: verdict for name, verdict in found.items() if "TF32" not in name}
    assert len(held) == 4 and {*held.values()} == {"failed"}


def test_checkpointing_that_changes_the_gradient_fails(scripts, bench, monkeypatch):
    train = scripts["gpu_checks"].train

    def worse(policy, state, drawn, micro_batch, **settings):
        new, row = train(policy, state, drawn, micro_batch, **settings)
        if policy.unet.is_gradient_checkpointing:
            new.optimizer.update({n: 1.01 * moment for n, moment in new.optimizer.items()})
        return new, row

    monkeypatch.setattr(scripts["gpu_checks"], "train", worse)
    (result,) = scripts["gpu_checks"].check_checkpointing(bench)
    assert result.verdict == "failed"


def test_a_step_that_is_taken_in_spite_of_an_overflow_fails(scripts, bench, monkeypatch):
    monkeypatch.setattr(torch.amp.GradScaler, "step", lambda self, optimizer: optimizer.step())
    first = next(scripts["gpu_states"].check_overflow(bench))
    assert first.verdict == "failed"


def test_resuming_without_the_optimizers_memory_fails(scripts, bench, monkeypatch):
    load = scripts["gpu_states"].load_state
    monkeypatch.setattr(
        scripts["gpu_states"], "load_state", lambda folder: replace(load(folder), optimizer={})
    )
    first, second = scripts["gpu_states"].check_resume(bench)
    assert (first.verdict, second.verdict) == ("failed", "ok")


def test_an_error_is_a_result_and_the_next_task_goes_on(scripts, report):
    part = scripts["gpu_report"]

    def broken(error):
        yield part.held("before the error", 0.5, 1.0)
        raise error

    def right():
        yield part.held("too large", 2.0, 1.0)
        yield part.held("no number", float("nan"), 1.0)
        yield part.measured("speed", 3.0, "images/s")

    freed = []
    for name, error in (("bug", KeyError("what")), ("memory", torch.OutOfMemoryError("no room")),
                        ("below", RuntimeError("CUBLAS_STATUS_ALLOC_FAILED")),
                        ("other device", part.ImpossibleError("CUDA only"))):  # fmt: skip
        report.run(part.Task(name, lambda error=error: broken(error)), lambda: freed.append(1))
    report.run(part.Task("right", right), lambda: freed.append(1))
    assert len(freed) == 5
    found = {r["name"]: r["verdict"] for r in json.loads(report.out.read_text())["results"]}
    assert found == {
        "before the error": "ok", "bug": "error", "memory": "out of memory",
        "below": "out of memory", "other device": "not possible", "too large": "failed",
        "no number": "failed", "speed": "measured",
    }  # fmt: skip
    assert report.finish() == 1


def test_nothing_starts_when_the_time_is_nearly_used(scripts, report, capsys):
    part = scripts["gpu_report"]
    started = []

    def task(name, **limits):
        def call():
            started.append(name)
            report.clock[0] += 30
            yield part.measured(name, 1.0, "s")

        return part.Task(name, call, **limits)

    for each in (
        task("first"),
        task("check", until=0.4),
        task("long", needs=45),
        task("second"),
        task("third"),
        task("summary", needs=float("-inf"), until=float("inf")),
    ):
        report.run(each, lambda: None)  # fmt: skip
    assert started == ["first", "second", "summary"]
    assert report.finish() == 0
    assert "not measured: check; long; third" in capsys.readouterr().out
    assert json.loads(report.out.read_text())["complete"]


def test_memory_that_ends_ends_a_sweep(scripts, bench):
    timing = scripts["gpu_times"].Timing

    def measure(size):
        if size > 8:
            raise torch.OutOfMemoryError("no room")
        return timing(images=size, steps={2: 2.0, 4: 2.0, 8: 3.98}[size], kept=50)

    fresh = replace(bench, found={})
    found = [*scripts["gpu_times"].sweep(fresh, "update", "bf16", 128, measure)]
    assert [result.verdict for result in found] == ["measured"] * 3 + ["out of memory"]
    # 4 at once are nearly as fast as 8, and take less memory.
    assert fresh.found["update"][0] == 4
    assert fresh.found["fastest update"].images == 8


def test_steps_that_are_left_are_those_of_the_whole_schedule(scripts, bench):
    policy, asked = bench.policy("fp32"), scripts["gpu_policy"].sampling(1)
    policy.kept = 50
    whole = policy.schedule(asked)
    policy.kept = 5
    few = policy.schedule(asked)
    assert few.times.tolist() == whole.times[[0, 12, 24, 37, 49]].tolist()
    assert torch.equal(few.deviations, whole.deviations[[0, 12, 24, 37, 49]])


def test_seconds_of_an_epoch(scripts):
    """256 images at 2 a second, 128 at 1 a second, and 256 steps of 0.01 s for the KL."""
    timing = scripts["gpu_times"].Timing
    drawing = timing(images=4, steps=0.04 * 5, kept=5, decoding=0.0)
    assert drawing.rate == pytest.approx(2)
    training = timing(images=1, steps=0.1, kept=5)
    assert training.rate == pytest.approx(1)
    assert scripts["gpu_epoch"].epoch(drawing, training) == pytest.approx(128 + 128 + 2.56)


def test_the_usual_loop_takes_the_same_step(scripts, bench):
    """fp16 against fp32: what differs is rounding."""
    policy = bench.policy("fp32")
    policy.load_adapter(policy.initial_state(42))
    asked = scripts["gpu_policy"].sampling(2)
    times = policy.schedule(asked).times[[0, -1]]
    latents = torch.randn(2, *policy.latent_shape, generator=torch.Generator().manual_seed(0))
    words = ["a photo of a cat", "a photo of a dog"]
    loop = scripts["gpu_baseline"].Baseline(bench.folder, bench.device, 50, 5.0)
    with torch.no_grad():
        mean, std = policy.step(latents, times, policy.embed(words), asked)
        other, other_std = loop.step(latents.half(), times, loop.embed(words))
    torch.testing.assert_close(other_std, std, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(other, mean, rtol=0, atol=0.02 * mean.std().item())
    log_prob = loop.log_prob(latents, mean, std)
    torch.testing.assert_close(log_prob, policy.log_prob(latents, mean, std))


def test_operations_are_those_of_the_cost_page(scripts, project_path):
    forward, both = scripts["gpu_times"].operations(scripts["gpu_model"].FULL)
    text = (project_path / "docs" / "cost.md").read_text()
    assert f"| rollout: UNet, both halves of guidance | {forward / 1e12:.3f} |" in text
    assert f"| update: UNet, forward and backward | {both / 1e12:.3f} |" in text


def test_the_networks_are_those_of_the_cost_page(scripts):
    import cost
    from diffusers import AutoencoderKL
    from transformers import CLIPTextConfig, CLIPTextModel

    full = scripts["gpu_model"].FULL
    with torch.device("meta"):
        vae, text = AutoencoderKL(**full.vae), CLIPTextModel(CLIPTextConfig(**full.text))
    assert cost.parameters(vae) == cost.parameters(cost.vae()) == 83_653_863
    assert cost.parameters(text) == cost.parameters(cost.text_encoder()) == 123_060_480


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_card_it_says_so(scripts, capsys, tmp_path):
    with pytest.raises(SystemExit):
        scripts["gpu"].main([f"--out={tmp_path / 'gpu.json'}"])
    assert "torch sees no CUDA device" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
