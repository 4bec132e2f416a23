"""The word that is left of the champion: it is believed only while the table it was read from is as it was."""

from pathlib import Path
from typing import Any

import pytest

from catalog.champion import Champion, Told, tell_champion, told_champion
from catalog.files import Home
from catalog.store import Catalog

CHAMPION = Champion(checkpoint_id="a", path="checkpoints/checkpoint-a.safetensors", digest="0" * 64)


def row(checkpoint_id: str) -> dict[str, Any]:
    made_up = {"recipe": "tiny", "settings_json": "{}", "clips_version": 0, "seed": 0, "stage": "candidate"}
    return made_up | {"checkpoint_id": checkpoint_id, "path": CHAMPION.path, "digest": CHAMPION.digest}


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(Home.open(tmp_path / "home"))


def test_where_no_checkpoint_was_ever_recorded_there_is_no_champion(catalog: Catalog) -> None:
    assert told_champion(catalog.home) == Told(champion=None, version=-1)


def test_what_is_written_down_is_told_until_the_table_goes_on(catalog: Catalog) -> None:
    catalog.merge("checkpoints", [row("a")])
    assert told_champion(catalog.home) is None
    version = catalog.version("checkpoints")
    for champion in (CHAMPION, None):
        tell_champion(catalog.home, champion, version)
        assert told_champion(catalog.home) == Told(champion=champion, version=version)
    catalog.merge("checkpoints", [row("b")])
    assert told_champion(catalog.home) is None


def test_the_newest_version_is_known_after_many_commits_and_compaction(catalog: Catalog) -> None:
    for number in range(25):
        catalog.merge("checkpoints", [row(str(number))])
    tell_champion(catalog.home, CHAMPION, catalog.version("checkpoints"))
    assert told_champion(catalog.home) is not None


@pytest.mark.parametrize("text", ["", "[]", "null", '{"champion": {"name": "a"}}', '{"champion": null}', "\xff"])
def test_a_file_that_cannot_be_understood_counts_as_missing(catalog: Catalog, text: str) -> None:
    catalog.merge("checkpoints", [row("a")])
    (catalog.home.tables / "champion.json").write_text(text)
    assert told_champion(catalog.home) is None
