"""The three networks against the published architecture, and ours against what it promises."""

import pytest
import torch
from torch.nn import functional

from varemix.model.competition import claimed_among_rivals, claimed_by_known
from varemix.model.separator import Separator
from varemix.model.settings import NO_TRUNK
from varemix.model.sound import PixelsUNet, build_sound
from varemix.model.synthesizer import Synthesizer
from varemix.model.vision import Standardise, build_vision, load_imagenet
from varemix.training.recipe import paper, reference

NETWORKS = ["pixels", "residual"]
WITH_BLOCKS = [("pixels", False), ("residual", False), ("residual", True)]
VISIONS = {
    "resnet18_dilated": 224,
    "efficientnet_lite0": 224,
    "efficientnet_lite2": 288,
    "efficientnet_lite2_multiscale": 384,
}


def sound_network(name, *, widths=(4, 8, 8, 8), num_rows=64, frequency_blocks=False):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_sound(name, num_maps=5, widths=widths, num_rows=num_rows, frequency_blocks=frequency_blocks)
    return network.eval()


def test_the_papers_sound_network_has_the_published_number_of_parameters():
    settings = paper().separator
    network = PixelsUNet(num_maps=settings.num_maps, widths=settings.widths)
    assert sum(parameter.numel() for parameter in network.parameters()) == 30_274_210


def test_our_sound_network_is_less_than_half_of_the_papers():
    settings = reference().separator
    network = Separator(settings).sound
    assert sum(parameter.numel() for parameter in network.parameters()) < 30_274_210 / 2


@pytest.mark.parametrize(("name", "frequency_blocks"), WITH_BLOCKS)
@pytest.mark.parametrize("widths", [(4, 8, 8), (4, 8, 16, 8, 4, 4)])
@pytest.mark.parametrize("num_rows", [64, 192])
def test_sound_networks_keep_the_spectrograms_grid(name, frequency_blocks, widths, num_rows):
    network = sound_network(name, widths=widths, num_rows=num_rows, frequency_blocks=frequency_blocks)
    for frames in (64, 192):
        assert network(torch.randn(2, 1, num_rows, frames)).shape == (2, 5, num_rows, frames)


@pytest.mark.parametrize("name", NETWORKS)
def test_sound_networks_keep_time_local_detail_through_their_skips(name):
    network = sound_network(name)
    quiet = torch.zeros(1, 1, 64, 64)
    loud = quiet.clone()
    loud[..., 32, 32] = 5
    with torch.no_grad():
        change = (network(loud) - network(quiet)).abs().sum(1)[0]
    assert change[30:35, 30:35].sum() > change[:5, :5].sum()


@torch.no_grad()
def test_the_residual_network_knows_at_which_pitch_it_listens():
    network = sound_network("residual")
    low, high = torch.zeros(2, 1, 1, 64, 64)
    low[..., 16, :] = high[..., 48, :] = 5
    untaught = network(high).roll(-32, dims=-2) - network(low)
    torch.nn.init.normal_(network.place[1])
    taught = network(high).roll(-32, dims=-2) - network(low)
    inner = (..., slice(14, 18), slice(None))
    assert taught[inner].abs().mean() > 2 * untaught[inner].abs().mean()


@pytest.mark.parametrize(("name", "frequency_blocks"), WITH_BLOCKS)
def test_all_of_a_sound_network_learns(name, frequency_blocks):
    network = sound_network(name, widths=(4, 8, 8), frequency_blocks=frequency_blocks).train()
    network(torch.randn(2, 1, 64, 32)).square().sum().backward()
    assert not [key for key, weights in network.named_parameters() if not weights.grad.any()]


@torch.no_grad()
def changed_rows(network, *rows, num_frames=64):
    """Return by how much the maps change, [L, T], where these rows of 128 sound in frame 16."""
    quiet = torch.zeros(1, 1, 128, num_frames)
    loud = quiet.clone()
    loud[..., list(rows), 16] = 5
    return (network(loud) - network(quiet)).abs().sum(dim=1)[0]


@torch.no_grad()
def test_with_frequency_blocks_all_rows_of_a_frame_hear_each_other_and_without_them_only_neighbours():
    plain, harmonic = (
        sound_network("residual", widths=(4, 8), num_rows=128, frequency_blocks=each) for each in (False, True)
    )
    for network in (plain, harmonic):
        change = changed_rows(network, 112)
        assert change[108:116, 12:20].min() > 0
        assert not change[:, 40:].any()  # they look along rows, never along time
    assert not changed_rows(plain, 112)[:64].any()
    assert changed_rows(harmonic, 112)[:64, 12:20].amax(dim=1).min() > 0
    harmonic.encode[1].frequency.up.weight.zero_()
    assert not changed_rows(harmonic, 112)[:64].any()


@torch.no_grad()
def test_a_row_can_hear_a_comb_of_harmonics_that_lies_far_above_it():
    network = sound_network("residual", widths=(4, 8), num_rows=128, frequency_blocks=True)
    block = network.encode[1].frequency  # of 32 rows, each of four of the spectrum's
    block.down.weight.zero_()[0, [12, 20, 28]] = 1
    block.up.weight.zero_()[2, 0] = 1
    comb, partial, other_comb = (changed_rows(network, *rows) for rows in ((48, 80, 112), (80,), (64, 96)))
    assert comb[8:12].sum() > 1.5 * partial[8:12].sum() > 0
    assert not other_comb[8:12].any()
    assert not comb[24:32].any()  # nobody else was taught to listen


def test_dilated_resnet_keeps_the_resolution_of_its_last_stage():
    vision = build_vision("resnet18_dilated", 32)
    assert vision.features(torch.randn(1, 2, 3, 224, 224)).shape == (1, 2, 512, 14, 14)
    strides = {m.stride for m in vision.trunk[-1].modules() if isinstance(m, torch.nn.Conv2d)}
    assert strides == {(1, 1)}


@pytest.mark.parametrize(("name", "pixels"), VISIONS.items())
def test_a_query_is_k_numbers_between_zero_and_one(name, pixels):
    vision = build_vision(name, 7).eval()
    assert vision.pixels == pixels
    queries = vision(torch.randn(2, 2, 3, pixels, pixels))
    assert queries.shape == (2, 7)
    assert (queries > 0).all()
    assert (queries < 1).all()


@pytest.mark.parametrize("name", ["resnet18_dilated", "efficientnet_lite0"])
def test_the_order_of_a_clips_pictures_does_not_matter(name):
    vision = build_vision(name, 4).eval()
    pictures = torch.randn(1, 3, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(vision(pictures), vision(pictures.flip(1)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite2", "efficientnet_lite2_multiscale"])
def test_efficientnets_imagenet_weights_come_with_the_installation(name):
    vision = build_vision(name, 4).eval()
    before = next(vision.trunk.parameters()).clone()
    load_imagenet(name, vision)
    assert not torch.equal(before, next(vision.trunk.parameters()))


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite2", "efficientnet_lite2_multiscale"])
def test_a_network_without_its_trunk_takes_the_features_of_the_whole_one(name):
    whole, bare = build_vision(name, 4).eval(), build_vision(name + NO_TRUNK, 4).eval()
    with torch.no_grad():
        seen = whole.features(torch.randn(1, 2, 3, whole.pixels, whole.pixels))
        assert bare.queries(seen).shape == (1, 4)


def test_a_picture_is_seen_at_both_sizes_side_by_side():
    both, one = (build_vision(name, 4).eval() for name in ("efficientnet_lite2_multiscale", "efficientnet_lite2"))
    one.trunk.load_state_dict(both.trunk.state_dict())
    pictures = torch.randn(1, 2, 3, 384, 384)
    smaller = functional.interpolate(pictures[0], size=(288, 288), mode="bicubic", antialias=True)[None]
    with torch.no_grad():
        seen = both.features(pictures)
        torch.testing.assert_close(seen[..., :2560], one.features(smaller), rtol=1e-4, atol=1e-4)
        maps = one.trunk.network.extract_features(pictures[0])
        torch.testing.assert_close(seen[0, :, 2560:3840], maps.mean(dim=(-2, -1)), rtol=1e-4, atol=1e-4)


def test_standardised_features_have_mean_0_and_a_deviation_near_1_and_rare_ones_are_not_blown_up():
    standardise = Standardise(3)
    features = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([4.0, 1.0, 1e-4])
    features += torch.tensor([10.0, -3.0, 0.0])
    standardise.learn(features)
    found = standardise(features)
    torch.testing.assert_close(found.mean(dim=0), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(found.std(dim=0)[:2], torch.ones(2), rtol=0, atol=0.1)
    assert found[:, 2].abs().max() < 0.01


def test_synthesizer_is_a_weighted_inner_product():
    synthesizer = Synthesizer(2)
    synthesizer.scale.data = torch.tensor([2.0, 3.0])
    synthesizer.bias.data = torch.tensor([0.5])
    maps = torch.tensor([10.0, 100.0]).reshape(1, 2, 1, 1)
    queries = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]])
    assert synthesizer(queries, maps).flatten().tolist() == [20.5, 300.5, 0.5]


def softmax_share(asked, known, own):
    """Return the asked one's share of a bin among itself, its rivals, and nobody."""
    rivals = [logit for place, logit in enumerate(known) if place != own]
    return torch.tensor([asked, *rivals, 0.0], dtype=torch.float64).softmax(dim=0)[0]


@pytest.mark.parametrize("loudness", [1.0, 30.0])
def test_claims_among_rivals_are_shares_of_a_softmax(loudness):
    draw = torch.Generator().manual_seed(0)
    asked = loudness * torch.randn(3, 4, 5, generator=draw, dtype=torch.float64)
    known = loudness * torch.randn(2, 4, 5, generator=draw, dtype=torch.float64)
    own = torch.tensor([1, 0, 1])
    masks = claimed_among_rivals(asked, known, own)
    for n, row, frame in torch.cartesian_prod(torch.arange(3), torch.arange(4), torch.arange(5)):
        expected = softmax_share(asked[n, row, frame], known[:, row, frame].tolist(), own[n])
        torch.testing.assert_close(masks[n, row, frame], expected, rtol=0, atol=1e-9)


def test_without_rivals_a_claim_is_a_sigmoid():
    asked = 5 * torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    alone = claimed_among_rivals(asked, asked[:1] + 1, torch.tensor([0, 0]))
    torch.testing.assert_close(alone, torch.sigmoid(asked), rtol=0, atol=1e-5)


def test_the_known_instruments_and_nobody_share_every_bin_out():
    known = 20 * torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0))
    masks = claimed_by_known(known.clone())
    torch.testing.assert_close(masks, claimed_among_rivals(known, known, torch.arange(4)))
    nobodys = 1 / (1 + known.double().exp().sum(dim=0))
    torch.testing.assert_close(masks.sum(dim=0).double() + nobodys, torch.ones(3, 5).double(), rtol=0, atol=1e-5)
