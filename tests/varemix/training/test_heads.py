"""Heads that compare pictures with instruments: fitted to photographs, or to what was planted as seen of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from varemix.errors import TrainingError
from varemix.model.recognition import resemblances
from varemix.model.separator import Separator
from varemix.model.vision import load_imagenet
from varemix.training.heads import HeadSettings, SeenPictures, fit_head, fit_to_seen, owners, recognising
from varemix.training.recipe import tiny

SETTINGS = HeadSettings(num_random_views=0)
DEPTH = 2560


@pytest.fixture
def separator() -> Separator:
    """Return a separator on a frozen trunk that keeps queries of three instruments, and compares pictures with them."""
    torch.manual_seed(0)
    plain = Separator(tiny().separator).eval()
    load_imagenet(plain.settings.vision, plain.vision)
    plain.keep_instruments({name: torch.rand(plain.settings.num_maps) for name in ("cello", "flute", "tuba")})
    return recognising(plain)


def planted(num_pictures: int, seed: int) -> SeenPictures:
    """Return features of pictures that lie about a place for each instrument, and of strangers about 0."""
    draw = np.random.default_rng(seed)
    labels = np.arange(num_pictures) % 4 - 1
    features = draw.standard_normal((num_pictures, 2, DEPTH)) * 0.5
    for label in range(3):
        features[labels == label, :, label * 800 : (label + 1) * 800] += 0.5
    groups = np.array([f"owner {number}" for number in range(num_pictures)])
    return SeenPictures(features=torch.from_numpy(features).half(), labels=labels, groups=groups)


def test_pictures_not_fitted_to_are_known_and_strangers_are_not(separator: Separator) -> None:
    fit_to_seen(separator, planted(160, seed=1), SETTINGS)
    hidden = planted(80, seed=2)
    likeness, taken_for = separator.vision.likenesses(hidden.features.float()).max(dim=1)  # type: ignore[operator]
    is_known = (likeness >= separator.vision.head.least_likeness).numpy()  # type: ignore[union-attr, operator]
    shows_one = hidden.labels >= 0
    assert (taken_for.numpy() == hidden.labels)[shows_one].all()
    assert is_known[shows_one].mean() > 0.9
    assert is_known[~shows_one].mean() < 0.1


def test_the_query_of_a_picture_is_that_of_the_name_of_what_it_shows(separator: Separator) -> None:
    fit_to_seen(separator, planted(160, seed=1), SETTINGS)
    hidden = planted(80, seed=2)
    queries = separator.vision.queries(hidden.features.float())
    shows_one = hidden.labels >= 0
    own = separator.instrument_queries[torch.from_numpy(hidden.labels[shows_one])]
    assert (queries[torch.from_numpy(shows_one)] - own).abs().max() < 0.02


def test_about_as_many_right_pictures_are_refused_as_was_wished(separator: Separator) -> None:
    fit_to_seen(separator, planted(160, seed=1), replace(SETTINGS, refused_share=0.2))
    hidden = planted(400, seed=2)
    likenesses = separator.vision.likenesses(hidden.features.float())  # type: ignore[operator]
    least = separator.vision.head.least_likeness  # type: ignore[union-attr]
    is_refused = (likenesses.amax(dim=1) < least).numpy()[hidden.labels >= 0]  # type: ignore[operator]
    assert 0.04 < is_refused.mean() < 0.36


def test_the_same_pictures_give_the_same_head(separator: Separator) -> None:
    fit_to_seen(separator, planted(40, seed=1), SETTINGS)
    once = {name: value.clone() for name, value in separator.vision.head.state_dict().items()}
    fit_to_seen(separator, planted(40, seed=1), SETTINGS)
    assert all(torch.equal(once[name], value) for name, value in separator.vision.head.state_dict().items())


def test_photographs_of_one_owner_stay_together_unless_they_are_most_of_all() -> None:
    paths = [Path(f"{name}.jpg") for name in ("ann__1", "ann__2", "bob__1", "cy__1", "cy__2", "cy__3", "7")]
    assert owners(paths) == ["ann", "ann", "bob", "cy__1", "cy__2", "cy__3", "7"]


def test_a_head_is_fitted_to_files_and_hearing_stays_as_it_was(separator: Separator, tmp_path: Path) -> None:
    colours = {"cello": "red", "flute": "blue", "tuba": "green", "none": "white"}
    files = {name: [tmp_path / f"{name}__{number}.png" for number in range(4)] for name in colours}
    for name, colour in colours.items():
        for number, path in enumerate(files[name]):
            Image.new("RGB", (32 + number, 32), colour).save(path)
    strangers = files.pop("none")
    fitted = fit_head(separator, files, strangers, SETTINGS)
    pictures = [Image.new("RGB", (64, 64), colours[name]) for name in ("tuba", "cello")]
    looks = resemblances(fitted, pictures)
    assert [look.nearest[0].name for look in looks] == ["tuba", "cello"]
    mix = np.random.default_rng(0).standard_normal(30_000).astype(np.float32)
    queries = separator.instrument_queries
    np.testing.assert_array_equal(fitted.masks(mix, queries).values, separator.masks(mix, queries).values)


def test_an_instrument_without_photographs_is_an_error_that_names_it(separator: Separator) -> None:
    with pytest.raises(TrainingError, match=r"no photographs of flute, tuba;"):
        fit_head(separator, {"cello": [Path("a.jpg")], "flute": []}, [], SETTINGS)


def test_an_instrument_that_may_lack_photographs_is_never_recognised(separator: Separator) -> None:
    seen = planted(160, seed=1)
    without_tuba = seen.part(seen.labels != 2)
    fit_to_seen(separator, without_tuba, SETTINGS)
    likenesses = separator.vision.likenesses(planted(80, seed=2).features.float())  # type: ignore[operator]
    assert (likenesses[:, 2] < separator.vision.head.least_likeness).all()  # type: ignore[union-attr]
    assert (likenesses.argmax(dim=1) != 2).all()


def test_without_any_photographs_every_picture_is_refused(separator: Separator, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), "white").save(tmp_path / "stranger.png")
    fitted = fit_head(separator, {}, [tmp_path / "stranger.png"], SETTINGS, may_lack=True)
    for look in resemblances(fitted, [Image.new("RGB", (64, 64), colour) for colour in ("red", "white")]):
        assert not look.is_known


def test_a_photograph_or_two_are_fitted_to_though_none_can_be_left_out(separator: Separator, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), "red").save(tmp_path / "cello.png")
    fitted = fit_head(separator, {"cello": [tmp_path / "cello.png"]}, [], SETTINGS, may_lack=True)
    [look] = resemblances(fitted, [Image.new("RGB", (64, 64), "red")])
    assert look.nearest[0].name == "cello"
    assert 0 < fitted.vision.head.least_likeness < 1  # type: ignore[union-attr]
