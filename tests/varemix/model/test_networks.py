"""The three networks against the published architecture."""

import pytest
import torch

from varemix.model.sound import SoundNetwork
from varemix.model.synthesizer import Synthesizer
from varemix.model.vision import build_vision, load_imagenet


def test_the_papers_sound_network_has_the_published_number_of_parameters():
    network = SoundNetwork(num_maps=32, base_channels=64, levels=7, upsampling="bilinear")
    assert sum(parameter.numel() for parameter in network.parameters()) == 30_274_210


@pytest.mark.parametrize("upsampling", ["bilinear", "nearest"])
@pytest.mark.parametrize("levels", [5, 6])
def test_sound_network_keeps_the_spectrograms_grid(upsampling, levels):
    network = SoundNetwork(num_maps=5, base_channels=4, levels=levels, upsampling=upsampling)
    assert network(torch.randn(2, 1, 128, 64)).shape == (2, 5, 128, 64)


def test_sound_network_keeps_time_local_detail_through_its_skips():
    network = SoundNetwork(num_maps=3, base_channels=4, levels=5, upsampling="nearest").eval()
    quiet = torch.zeros(1, 1, 64, 64)
    loud = quiet.clone()
    loud[..., 32, 32] = 5
    with torch.no_grad():
        change = (network(loud) - network(quiet)).abs().sum(1)[0]
    assert change[30:35, 30:35].sum() > change[:5, :5].sum()


def test_dilated_resnet_keeps_the_resolution_of_its_last_stage():
    vision = build_vision("resnet18_dilated", 32)
    assert vision.features(torch.randn(1, 2, 3, 224, 224)).shape == (1, 2, 512, 14, 14)
    strides = {m.stride for m in vision.trunk[-1].modules() if isinstance(m, torch.nn.Conv2d)}
    assert strides == {(1, 1)}


@pytest.mark.parametrize("name", ["resnet18_dilated", "efficientnet_lite0"])
def test_a_query_is_k_numbers_between_zero_and_one(name):
    queries = build_vision(name, 7).eval()(torch.randn(2, 3, 3, 224, 224))
    assert queries.shape == (2, 7)
    assert (queries > 0).all()
    assert (queries < 1).all()


@pytest.mark.parametrize("name", ["resnet18_dilated", "efficientnet_lite0"])
def test_the_order_of_a_clips_pictures_does_not_matter(name):
    vision = build_vision(name, 4).eval()
    pictures = torch.randn(1, 3, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(vision(pictures), vision(pictures.flip(1)), rtol=0, atol=1e-5)


def test_efficientnets_imagenet_weights_come_with_the_installation():
    vision = build_vision("efficientnet_lite0", 4).eval()
    before = next(vision.trunk.parameters()).clone()
    load_imagenet("efficientnet_lite0", vision)
    assert not torch.equal(before, next(vision.trunk.parameters()))


def test_synthesizer_is_a_weighted_inner_product():
    synthesizer = Synthesizer(2)
    synthesizer.scale.data = torch.tensor([2.0, 3.0])
    synthesizer.bias.data = torch.tensor([0.5])
    maps = torch.tensor([10.0, 100.0]).reshape(1, 2, 1, 1)
    queries = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]])
    assert synthesizer(queries, maps).flatten().tolist() == [20.5, 300.5, 0.5]
