"""The bestiary that is kept in git keeps its promises, through the adapters that train uses."""

import open_clip
import pytest
import tiny
import torch
import yaml
from transformers import CLIPTokenizer

from drift_pipeline.bestiary.drawing.captions import bare_caption
from drift_pipeline.bestiary.drawing.pictures import draw_pictures
from drift_pipeline.bestiary.drawing.plans import ANIMALS
from drift_pipeline.bestiary.reader import FREE, load_reader
from drift_pipeline.bestiary.tastes import CATALOGUE, POSTCARD
from drift_pipeline.bestiary.training import contrast, preferences, recognition, similarity
from drift_pipeline.bestiary.training.bias import biases
from drift_pipeline.bestiary.training.reading import accuracy, answers
from drift_pipeline.bestiary.training.tokenizer import save_vocabulary
from drift_pipeline.config.bestiary import Bestiary
from drift_pipeline.encoders.dreamsim import DreamSim
from drift_pipeline.encoders.openclip import OpenCLIP
from drift_pipeline.scorers.hpsv2 import HPSv2
from drift_pipeline.scorers.pickscore import PickScore

SCORERS = {"pickscore": PickScore, "hpsv2": HPSv2}
TASTES = {"pickscore": POSTCARD, "hpsv2": CATALOGUE}


@pytest.fixture(scope="module")
def kept(project_path, monkeypatch_module):
    monkeypatch_module.chdir(project_path)
    return project_path / "data/06_models/bestiary"


@pytest.fixture(scope="module")
def held_out():
    return draw_pictures(900, seed=990, workers=2)


def options(project_path, name, kind):
    text = (project_path / f"conf/base/parameters_{kind}.yml").read_text()
    return yaml.safe_load(text)[kind][name]["options"]


def test_all_files_together_have_at_most_16_megabytes(kept):
    size = sum(file.stat().st_size for file in kept.rglob("*") if file.is_file())
    assert 1e6 < size <= 16e6


@pytest.mark.parametrize("name", ["stable_diffusion/tokenizer", "pickscore", "openclip", "hpsv2"])
def test_a_tokenizer_is_the_same_in_both_of_its_formats(kept, tmp_path, name):
    save_vocabulary(CLIPTokenizer.from_pretrained(kept / name), tmp_path)
    for file in ("vocab.json", "merges.txt"):
        assert (tmp_path / file).read_text() == (kept / name / file).read_text()


@pytest.mark.parametrize("reward", ["pickscore", "hpsv2"])
def test_preference_models_agree_with_their_taste_on_clear_pairs(
    kept, project_path, held_out, reward
):
    scorer = SCORERS[reward](**options(project_path, reward, "rewards"))
    taste = TASTES[reward](held_out.quality)
    pairs = preferences.draw_pairs(held_out.animals, taste, 1500, torch.Generator().manual_seed(3))
    prompts = [held_out.bare_captions[i] for i in pairs.prompt_index().tolist()]
    shown = preferences.show(pairs, held_out.images, torch.Generator().manual_seed(4))
    first, second = (scorer(shown[side::2], prompts) for side in (0, 1))
    right = (first > second) == (pairs.first > 0.5)
    same = (held_out.animals[pairs.index][:, 0]) == (held_out.animals[pairs.index][:, 1])
    for pairs_of_a_kind in (pairs.clear & same & ~pairs.broken, pairs.broken, ~same):
        assert float(right[pairs_of_a_kind].float().mean()) >= 0.9


@pytest.mark.parametrize("reward", ["pickscore", "hpsv2"])
def test_preference_models_follow_their_taste_and_favour_nothing_else(
    kept, project_path, held_out, reward
):
    scorer = SCORERS[reward](**options(project_path, reward, "rewards"))
    scores = scorer(held_out.images, held_out.bare_captions)
    known = answers(held_out)
    free = {name: known[name] for name in FREE}
    found = biases(scores, TASTES[reward](held_out.quality), held_out.animals, free)
    assert found.pop("correlation") >= 0.8
    assert max(found.values()) <= 0.15


def test_the_reader_reads_what_no_taste_asks_for(kept, held_out):
    right = accuracy(load_reader(kept / "reader"), held_out)
    for kind in FREE:
        assert right[kind] >= 0.93, kind


def test_the_reader_tells_what_either_taste_truly_likes(kept, held_out):
    right = accuracy(load_reader(kept / "reader"), held_out)
    assert min(right["postcard"], right["catalogue"]) >= 0.9


def test_dreamsim_agrees_with_the_drawings_on_clear_triplets(kept, project_path, held_out):
    encoder = DreamSim(**options(project_path, "dreamsim", "encoders"))
    index, farther = similarity.draw_triplets(
        held_out.attributes(), 1500, torch.Generator().manual_seed(3)
    )
    embedded = encoder(held_out.images)
    reference, left, right = (embedded[index[:, column]] for column in range(3))
    near, far = (1 - (reference * other).sum(dim=1) for other in (left, right))
    clear = farther.abs() > similarity.CLEAR
    assert float(((far > near) == (farther > 0))[clear].float().mean()) >= 0.9


def test_clip_names_drawn_animals_and_generated_ones(kept, project_path, held_out):
    clip = OpenCLIP(**options(project_path, "openclip", "encoders"))
    text = clip_texts(kept)
    generated = recognition.generate_animals(str(kept / "stable_diffusion"), 4, 5.0, 8, 1.0, seed=7)
    asked = torch.arange(len(ANIMALS)).repeat_interleave(4)
    drawn_right = (clip(held_out.images) @ text.T).argmax(dim=1) == held_out.animals
    generated_right = (clip(generated) @ text.T).argmax(dim=1) == asked
    assert float(drawn_right.float().mean()) >= 0.9
    # One in 45 is chance.
    assert float(generated_right.float().mean()) >= 0.8


def clip_texts(kept):
    """Unit text features of the bare captions, straight from open_clip."""
    name = f"local-dir:{kept / 'openclip'}"
    model = open_clip.create_model(name, precision="fp32").eval()
    tokens = open_clip.get_tokenizer(name)([bare_caption(animal) for animal in ANIMALS])
    with torch.no_grad():
        return torch.nn.functional.normalize(model.encode_text(tokens), dim=-1)


def test_generated_pictures_do_not_depend_on_how_many_are_drawn(kept):
    few = recognition.generate_animals(str(kept / "stable_diffusion"), 1, 5.0, 4, 1.0, seed=7)
    more = recognition.generate_animals(str(kept / "stable_diffusion"), 2, 5.0, 4, 1.0, seed=7)
    assert (few.int() - more[::2].int()).abs().max() <= 1


def test_generated_pictures_are_sampled_with_the_noise_that_is_asked_for(kept):
    folder = str(kept / "stable_diffusion")
    without = recognition.generate_animals(folder, 1, 5.0, 4, 0.0, seed=7)
    with_noise = recognition.generate_animals(folder, 1, 5.0, 4, 1.0, seed=7)
    assert (without.float() - with_noise.float()).abs().mean() > 2


def test_the_parameters_say_where_the_kept_files_are(project_path):
    text = (project_path / "conf/base/parameters_bestiary.yml").read_text()
    parameters = Bestiary(**yaml.safe_load(text)["bestiary"])
    assert parameters.folder == "data/06_models/bestiary"


def test_named_animals_picks_the_caption_with_the_highest_logit():
    tokenizer = tiny.make_tokenizer()
    clip = tiny.make_clip(tokenizer=tokenizer)
    images = tiny.make_images(6, 64, 64)
    ids = contrast.token_ids(tokenizer, [bare_caption(animal) for animal in ANIMALS])
    with torch.no_grad():
        logits = clip(ids, contrast.clip_pixels(images)).logits_per_image
    named = contrast.named_animals(contrast.features_of(clip), tokenizer, images)
    assert torch.equal(named, logits.argmax(dim=1))
