from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps

from tests.tasks.pictured import COLOURS, picture_of, recogniser
from varemix.model.checkpoint import load_checkpoint, save_checkpoint
from varemix.model.recognition import Likeness, Resemblance, resemblances
from varemix.model.separator import Separator


@pytest.fixture(scope="module")
def knowing() -> Separator:
    """Return a separator that tells a flute, which is red, a tuba, which is green, and anything else."""
    return recogniser()


def nearest_names(looks: Sequence[Resemblance]) -> list[str]:
    return [look.nearest[0].name for look in looks]


def test_pictures_are_like_what_they_show_and_strangers_are_told_with_the_nearest_two(knowing: Separator) -> None:
    looks = resemblances(knowing, [picture_of("flute"), picture_of("tuba"), picture_of("stranger")])
    assert nearest_names(looks)[:2] == ["flute", "tuba"]
    assert [look.is_known for look in looks] == [True, True, False]
    assert {near.name for near in looks[2].nearest} == set(knowing.instruments)
    assert looks[2].in_words.startswith("shows none of the instruments that the model knows; it is most like ")


def test_a_picture_asks_for_what_the_name_of_what_it_shows_asks_for(knowing: Separator) -> None:
    queries = knowing.queries([picture_of("flute"), picture_of("tuba")])
    torch.testing.assert_close(queries, knowing.instrument_queries, atol=0.02, rtol=0)


def test_a_picture_and_its_mirror_image_are_alike(knowing: Separator) -> None:
    picture = Image.radial_gradient("L").convert("RGB").crop((0, 0, 120, 200))
    torch.testing.assert_close(knowing.queries([picture]), knowing.queries([ImageOps.mirror(picture)]))


def test_several_pictures_of_one_source_are_averaged(knowing: Separator) -> None:
    query = knowing.query_of_clip([picture_of("flute")] * 2)
    torch.testing.assert_close(query, knowing.queries([picture_of("flute")])[0])


def test_what_counts_as_known_travels_with_the_checkpoint(knowing: Separator, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "knowing.safetensors", knowing, provenance={})
    loaded = load_checkpoint(tmp_path / "knowing.safetensors")
    pictures = [picture_of(name) for name in COLOURS]
    assert [look.is_known for look in resemblances(loaded, pictures)] == [True, True, False]


def test_a_checkpoint_that_compares_nothing_refuses_nothing(separator: Separator) -> None:
    [look] = resemblances(separator, [picture_of("stranger")])
    assert look.is_known
    assert {near.name for near in look.nearest} == set(separator.instruments)


def test_the_paper_s_vision_network_keeps_its_head(separator: Separator) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="recognises no instruments"):
        Separator(replace(separator.settings, vision="resnet18_dilated", recognises=True), ["cello"])


def test_words_name_both_instruments() -> None:
    near = (Likeness(name="double_bass", share=0.41), Likeness(name="cello", share=0.3))
    assert Resemblance(nearest=near, is_known=True).in_words == "is most like double bass (41%) and cello (30%)"
