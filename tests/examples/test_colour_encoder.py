import numpy as np
import torch
from colour_encoder import ColourHistogram

from drift_pipeline.common.asking import ask_encoder


def test_the_cosine_is_the_overlap_of_the_histograms():
    images = torch.randint(0, 256, (5, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    images = images.to(torch.uint8)
    images[1] //= 2  # darker, so that some bins are empty
    embeddings = ask_encoder("colours", ColourHistogram(bins=3), images)
    assert torch.allclose(embeddings.norm(dim=1), torch.ones(5))
    pixels = images.flatten(2).transpose(1, 2).double().numpy()
    edges = [np.array([0, 256 / 3, 512 / 3, 256])] * 3
    histograms = [np.histogramdd(image, edges)[0].ravel() / 256 for image in pixels]
    overlap = [[np.sqrt(one * other).sum() for other in histograms] for one in histograms]
    assert torch.allclose(embeddings.double() @ embeddings.double().T, torch.tensor(overlap))


def test_where_the_colours_are_does_not_matter():
    images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    images[0, 0, :4] = 255
    images[1, 0, :, 4:] = 255
    one, other = ColourHistogram()(images)
    assert torch.equal(one, other)
