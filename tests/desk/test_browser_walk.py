"""Whatever somebody does in whatever order, the desk ends where it would be if it were opened now."""

import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.desk.browser import Process, Visitor, desk_process, tab, until, visitor
from tests.desk.sounds import noise_bytes
from tests.tasks.planted import BANDS_HZ, open_catalog, register_checkpoint
from tests.tasks.untrained import write_checkpoint

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = sorted(BANDS_HZ)
NUM_STEPS = 14
IS_AT_REST = """!document.querySelector(".stave:is([data-state='none'], [data-state='asked'], [data-state='hearing'])")
    && [...document.querySelectorAll(".stave canvas")].every((canvas) => canvas.width !== 300)"""
SHOWN = """() => ({
    staves: [...document.querySelectorAll(".stave")].map((stave) => [
        stave.dataset.target, stave.dataset.state, stave.className, stave.querySelector(".note").textContent,
        stave.querySelector(".db").textContent, stave.querySelector("progress").hidden,
    ]),
    cards: [...document.querySelectorAll("button.card")]
        .map((card) => [card.dataset.target, card.className, card.ariaPressed, card.querySelector("small").textContent])
        .sort(),
    practice: ["practice-open", "without-mine", "click", "bpm", "mine"].map((id) => document.getElementById(id))
        .map((element) => [element.textContent, element.ariaPressed, element.value]),
    wrong: [...document.querySelectorAll(".notice.wrong span")].map((line) => line.textContent),
})"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A desk with a small network and an empty library."""
    root = tmp_path_factory.mktemp("walk")
    catalog = open_catalog(root / "home")
    register_checkpoint(catalog, write_checkpoint(root / "untrained.safetensors", NAMES), "small", "champion")
    (root / "library").mkdir()
    with desk_process(catalog.home.root, root / "library") as process:
        yield process


def shown_at_rest(*all_who_look: Visitor) -> list[Any]:
    """Return what the page shows each of them as soon as nothing is to come."""
    for someone in all_who_look:
        someone.page.wait_for_selector("#desk:not([hidden])")
    someone.page.wait_for_timeout(3500)  # in which what was changed last is saved, told to all, and asked for
    for someone in all_who_look:
        until(someone.page, IS_AT_REST)
        until(someone.page, "!document.querySelector('.notice[data-key=lost]')")
    return [someone.page.evaluate(SHOWN) for someone in all_who_look]


def test_one_that_is_chosen_when_another_was_just_heard_is_there_too(browser: "Browser", desk: Process) -> None:
    with visitor(browser, desk.url) as someone:
        someone.open()
        someone.drop("first.wav", noise_bytes(seed=100, seconds=12), "audio/wav")
        for name in NAMES:  # those later in the alphabet are told after those before
            someone.choose(name)
        assert someone.console == []


@pytest.mark.parametrize("seed", range(3))
def test_after_any_walk_the_page_shows_what_a_page_that_is_opened_now_shows(
    browser: "Browser", desk: Process, seed: int
) -> None:
    draw = random.Random(seed)
    with visitor(browser, desk.url) as first:
        first.open()
        first.drop(f"walk {seed}.wav", noise_bytes(seed=seed, seconds=15), "audio/wav")
        first.page.wait_for_selector("#desk:not([hidden])")
        second = tab(first.page.context, first.page.url)
        second.page.goto(first.page.url)
        second.page.wait_for_selector("#desk:not([hidden])")
        for _ in range(NUM_STEPS):
            someone = draw.choice([first, second])
            draw.choice(STEPS)(someone, draw)
            someone.page.wait_for_timeout(draw.choice([0, 50, 700]))
        first.page.context.set_offline(False)
        ended, elsewhere = shown_at_rest(first, second)
        assert ended == elsewhere, "two tabs on one session agree"
        first.page.reload()
        assert [ended] == shown_at_rest(first)
        assert ended["wrong"] == []


def _click_card(someone: Visitor, draw: random.Random) -> None:
    someone.page.click(f".card[data-target='{draw.choice(NAMES)}']")


def _move(someone: Visitor, draw: random.Random) -> None:
    if staves := someone.page.query_selector_all(".stave input"):
        draw.choice(staves).fill(f"{draw.randint(-48, 12) / 2:g}")


def _mute(someone: Visitor, draw: random.Random) -> None:
    if buttons := someone.page.query_selector_all(".stave .toggle"):
        draw.choice(buttons).click()


def _practise(someone: Visitor, draw: random.Random) -> None:
    someone.page.keyboard.press(draw.choice(list("<>duwoinh")))


def _seek(someone: Visitor, draw: random.Random) -> None:
    someone.page.keyboard.press(draw.choice(["ArrowLeft", "ArrowRight"]))


def _play(someone: Visitor, draw: random.Random) -> None:
    someone.page.click("#play-button")


def _reload(someone: Visitor, draw: random.Random) -> None:
    someone.page.context.set_offline(False)
    someone.page.reload()
    someone.page.wait_for_selector("#desk:not([hidden])")


def _undo(someone: Visitor, draw: random.Random) -> None:
    someone.page.keyboard.press("Control+z")


def _redo(someone: Visitor, draw: random.Random) -> None:
    someone.page.keyboard.press("Control+y")


def _lose_connection(someone: Visitor, draw: random.Random) -> None:
    someone.page.context.set_offline(True)


def _find_connection(someone: Visitor, draw: random.Random) -> None:
    someone.page.context.set_offline(False)


STEPS: list[Callable[[Visitor, random.Random], None]] = [
    *[_click_card] * 4,
    *[_move] * 2,
    _mute,
    *[_practise] * 2,
    _seek,
    _play,
    _reload,
    _lose_connection,
    _find_connection,
    _undo,
    _undo,
    _redo,
]
