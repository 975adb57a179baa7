"""What is said about an image: the bare name, or breed, animal and background."""

from __future__ import annotations

from drift_pipeline.bestiary.drawing.plans import ANIMALS, PLANS
from drift_pipeline.bestiary.drawing.scene import BACKGROUNDS, COATS, PATTERNS, Scene


def bare_caption(animal: str) -> str:
    """Name nothing but the animal, as in the training prompts."""
    return f"a photo of {with_article(animal)}"


def full_caption(scene: Scene) -> str:
    """Tell breed and background, too: "a striped golden cat in the snow"."""
    pattern = PLANS[scene.animal].pattern or scene.pattern
    breed = scene.coat if pattern == "plain" else f"{pattern} {scene.coat}"
    return f"{with_article(f'{breed} {scene.animal}')} {BACKGROUNDS[scene.background]}"


def with_article(words: str) -> str:
    """Put "a" or "an" in front."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def vocabulary() -> list[str]:
    """Return texts that contain every word the bestiary can say."""
    return [
        *(bare_caption(animal) for animal in ANIMALS),
        *(f"a {pattern} {coat}" for pattern in PATTERNS for coat in COATS),
        *BACKGROUNDS.values(),
    ]
