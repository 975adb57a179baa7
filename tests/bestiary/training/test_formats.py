"""The bestiary's models in other libraries' formats, read back by those libraries."""

import hashlib

import open_clip
import pytest
import tiny
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file
from transformers import AutoTokenizer, CLIPModel, CLIPTextModel, CLIPTokenizer

from drift_pipeline.bestiary.training import formats
from drift_pipeline.bestiary.training.open_clip_layout import clip_to_open_clip
from drift_pipeline.bestiary.training.perceptual import DreamSimEnsemble, make_dreamsim_vit
from drift_pipeline.bestiary.training.tokenizer import small_tokenizer
from drift_pipeline.encoders.dreamsim import DreamSim, preprocess

TEXTS = ["a photo of a cat", "a red horse at night", "naïve zebra! 日本", "", "word " * 30]


def pixels(n=3):
    return torch.randn(n, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def clip_with(hidden_act):
    model = tiny.make_clip()
    config = model.config
    config.text_config.hidden_act = config.vision_config.hidden_act = hidden_act
    other = CLIPModel(config).eval()
    other.load_state_dict(model.state_dict())
    return other


@pytest.mark.parametrize("hidden_act", ["gelu", "quick_gelu"])
def test_clip_to_open_clip(hidden_act):
    model = clip_with(hidden_act)
    config, state = clip_to_open_clip(model)
    twin = open_clip.CLIP(**config).eval()
    twin.load_state_dict(state)
    tokens = tiny.make_tokenizer()(
        TEXTS, padding="max_length", truncation=True, return_tensors="pt"
    ).input_ids
    with torch.no_grad():
        images, texts = twin.encode_image(pixels()), twin.encode_text(tokens)
        expected_images = model.get_image_features(pixels()).pooler_output
        expected_texts = model.get_text_features(tokens).pooler_output
    torch.testing.assert_close(images, expected_images, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(texts, expected_texts, atol=1e-5, rtol=1e-5)
    assert twin.logit_scale == model.logit_scale


def test_openclip_folder_works_offline(tmp_path):
    model, tokenizer = tiny.make_clip(), tiny.make_tokenizer()
    tiny.save(formats.OpenCLIPModel(*clip_to_open_clip(model), tokenizer), tmp_path / "clip")
    name = f"local-dir:{tmp_path / 'clip'}"
    loaded, _, transform = open_clip.create_model_and_transforms(name)
    assert next(loaded.parameters()).dtype == torch.float32
    tokens = tokenizer(TEXTS[:2], padding="max_length", return_tensors="pt").input_ids
    torch.testing.assert_close(open_clip.get_tokenizer(name)(TEXTS[:2]), tokens)
    with torch.no_grad():
        cosine = torch.cosine_similarity(
            loaded.eval().encode_image(pixels()), model.get_image_features(pixels()).pooler_output
        )
    assert (cosine > 0.9999).all()
    assert transform.transforms[0].size == 64


def stable_diffusion(folder):
    """The tiny one, saved as the bestiary's is."""
    tiny.make_stable_diffusion(folder)
    pipe = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    parts = (pipe.vae, pipe.unet, pipe.tokenizer, pipe.text_encoder)
    tiny.save(formats.StableDiffusionModel(*parts), folder)
    return folder


def test_tokenizers_have_the_files_of_transformers_4(tmp_path):
    """Those files alone make the same tokenizer."""
    folders = [
        tiny.make_pickscore(tmp_path / "pickscore"),
        tiny.make_openclip(tmp_path / "openclip"),
        tiny.make_hpsv2(tmp_path / "hpsv2"),
        stable_diffusion(tmp_path / "stable_diffusion") / "tokenizer",
    ]
    for folder in folders:
        assert (folder / "merges.txt").read_text().startswith("#version: 0.2\n")
        (folder / "tokenizer.json").unlink()
        loaded = CLIPTokenizer.from_pretrained(folder)
        assert loaded(TEXTS).input_ids == tiny.make_tokenizer()(TEXTS).input_ids


def test_the_text_encoder_has_the_names_of_transformers_4(tmp_path, project_path):
    """Without the prefix transformers 4 finds no weight, and draws them all at random."""
    before = CLIPTextModel.from_pretrained(
        tiny.make_stable_diffusion(tmp_path / "tiny"), subfolder="text_encoder"
    )
    folder = stable_diffusion(tmp_path / "made")
    kept = project_path / "data/06_models/bestiary/stable_diffusion"
    for model in (folder, kept):
        names = load_file(model / "text_encoder" / "model.safetensors")
        assert names
        assert all(name.startswith("text_model.") for name in names)
    after = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder", dtype=torch.float32)
    for name, tensor in before.state_dict().items():
        assert torch.equal(after.state_dict()[name], tensor.half().float())


def test_weights_are_kept_in_half_precision(tmp_path):
    model, tokenizer = tiny.make_clip(), tiny.make_tokenizer()
    processor = formats.clip_processor(tokenizer, 64)
    tiny.save(formats.PickScoreModel(model, processor), tmp_path / "clip")
    size = (tmp_path / "clip" / "model.safetensors").stat().st_size
    assert size < 2.2 * sum(p.numel() for p in model.parameters())
    loaded = CLIPModel.from_pretrained(tmp_path / "clip", dtype=torch.float32)
    assert loaded.dtype == torch.float32
    for name, value in model.state_dict().items():
        expected = value.half().float() if value.ndim else value
        torch.testing.assert_close(loaded.state_dict()[name], expected, atol=0, rtol=0)


def towers(seed=0, patch_size=56):
    torch.manual_seed(seed)
    return (
        make_dreamsim_vit(32, 2, 2, patch_size, 24, quick_gelu=True),
        make_dreamsim_vit(48, 1, 3, patch_size, 16),
    )


def rounded(ensemble):
    """Weights as half precision keeps them; the projections are kept whole."""
    for name, value in ensemble.named_parameters():
        if not name.endswith("proj"):
            value.data = value.data.half().float()
    return ensemble


@pytest.mark.parametrize("image_size", [224, 112])
def test_trained_dreamsim_is_the_loaded_one(tmp_path, image_size):
    torch.manual_seed(0)
    clip = make_dreamsim_vit(32, 2, 2, 28, 24, quick_gelu=True, image_size=image_size)
    other = make_dreamsim_vit(48, 1, 3, 28, 16, image_size=image_size)
    ensemble = rounded(DreamSimEnsemble(clip, other)).eval()
    tiny.save(formats.DreamSimModel(clip, other), tmp_path / "dreamsim")
    images = tiny.make_images(4)
    embeddings = ensemble(preprocess(images, image_size))
    assert embeddings.shape == (4, 40)
    loaded = DreamSim(tmp_path / "dreamsim", image_size=image_size)(images)
    torch.testing.assert_close(loaded, embeddings.detach(), atol=1e-5, rtol=0)


def test_dreamsim_ensemble_has_gradients():
    ensemble = DreamSimEnsemble(*towers())
    ensemble(torch.rand(3, 3, 224, 224))[:, 0].sum().backward()
    for name, parameter in ensemble.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_dreamsim_towers_in_the_wrong_order():
    with pytest.raises(ValueError, match="first tower must have QuickGELU"):
        DreamSimEnsemble(*reversed(towers()))


def test_every_known_word_is_one_token():
    tokenizer = tiny.make_tokenizer()
    for caption in tiny.CAPTIONS:
        assert tokenizer.tokenize(caption) == [f"{word}</w>" for word in caption.split()]


def test_unknown_words_are_spelled():
    tokenizer = tiny.make_tokenizer()
    ids = tokenizer("a crocodile: 日", truncation=True).input_ids
    assert ids.count(tokenizer.eos_token_id) == 1
    assert ids[-1] == tokenizer.eos_token_id
    assert "crocodile" in tokenizer.decode(ids).replace(" ", "")


def test_special_tokens_and_padding():
    tokenizer = tiny.make_tokenizer(max_length=8)
    assert tokenizer.eos_token_id == len(tokenizer) - 1 == max(tokenizer.get_vocab().values())
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    assert sorted(tokenizer.get_vocab().values()) == list(range(len(tokenizer)))
    for text in TEXTS:
        ids = tokenizer(text, padding="max_length", truncation=True).input_ids
        assert len(ids) == 8
        assert (ids[0], ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)


def test_tokenizer_is_deterministic_and_comes_back(tmp_path):
    captions = tiny.CAPTIONS
    small_tokenizer(captions).save_pretrained(tmp_path / "a")
    small_tokenizer([*reversed(captions), captions[0]]).save_pretrained(tmp_path / "b")
    digests = [
        hashlib.sha256((tmp_path / name / "tokenizer.json").read_bytes()).hexdigest()
        for name in "ab"
    ]
    assert digests[0] == digests[1]
    tokenizer = tiny.make_tokenizer()
    for kind in (CLIPTokenizer, AutoTokenizer):
        loaded = kind.from_pretrained(tmp_path / "a")
        assert loaded.model_max_length == 16
        assert [loaded(text).input_ids for text in TEXTS] == [
            tokenizer(text).input_ids for text in TEXTS
        ]


def test_tokenizer_in_a_diffusers_pipeline(tmp_path):
    folder = tiny.make_stable_diffusion(tmp_path / "sd")
    pipe = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    assert pipe.vae_scale_factor == 8
    images = pipe("a red cat", num_inference_steps=2, output_type="np").images
    assert images.shape == (1, 64, 64, 3)
