"""What is on this machine needs no download."""

from hub import SD, cached, preset

from drift_pipeline.model_files.requirements import needs_of


def test_a_folder_needs_no_download(root):
    (root / "a" / "b").mkdir(parents=True)
    assert needs_of(root, base_model="a/b") == []
    assert needs_of(root, **preset("PickScore", model="a/b", processor="a/b")) == []
    assert needs_of(root, **preset("DreamSim", folder="a/b")) == []


def test_what_is_in_the_cache_is_not_missing(root):
    (need,) = needs_of(root, base_model=SD)
    assert need.missing() == "model_index.json"
    cached(root, SD, "model_index.json", "unet/diffusion_pytorch_model.bin",
           "vae/diffusion_pytorch_model.safetensors")  # fmt: skip
    assert need.missing() == "text_encoder/model.safetensors"
    cached(root, SD, "text_encoder/model.safetensors")
    assert need.missing() is None
