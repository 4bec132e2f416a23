"""The desk's page in a real browser: from a recording that is dropped to a file that is exported; what goes wrong."""

import base64
import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from desk import PAGE
from tests.desk.browser import HEARD, Process, Visitor, desk_process, tab, until, visitor
from tests.desk.sounds import noise_bytes, write_noise
from tests.tasks.planted import BANDS_HZ, open_catalog, plant_masks, register_checkpoint, scanned
from tests.tasks.untrained import write_checkpoint
from varemix.remix.levels import LoudnessMeter
from varemix.remix.plan_yaml import load_plan

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PICTURES = sorted((PAGE / "pictures").iterdir())  # of the instruments
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
REFUSED = "Failed to load resource"  # how a browser's console tells of a request that the server refused


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A desk with a small network, whose library holds one recording, in which the flute does not seem to play."""
    root = tmp_path_factory.mktemp("desk")
    catalog = open_catalog(root / "home")
    champion = register_checkpoint(
        catalog, write_checkpoint(root / "untrained.safetensors", sorted(BANDS_HZ)), "small", "champion"
    )
    folder = root / "library" / "folk"
    folder.mkdir(parents=True)
    write_noise(folder / "evening.wav", seconds=12)
    for row in scanned(catalog, root / "library"):
        plant_masks(catalog, row, champion, absent=["flute"])
    with desk_process(catalog.home.root, root / "library") as process:
        yield process


@pytest.fixture
def musician(browser: "Browser", desk: Process) -> Iterator[Visitor]:
    """Somebody with a browser of their own; in the end its console has no error, and nothing was asked of others."""
    desk.forget_sessions()
    with visitor(browser, desk.url) as someone:
        yield someone
        assert [text for text in someone.console if not text.startswith(REFUSED)] == []
        asked = [url for url in someone.requests if not url.startswith(("data:", "blob:"))]
        assert [url for url in asked if not url.startswith(desk.url)] == []


def tone_bytes(seconds: float = 6.0) -> bytes:
    """Return a WAV of two tones."""
    t = np.arange(round(seconds * 44_100)) / 44_100
    file = io.BytesIO()
    tones = 0.2 * np.sin(2 * np.pi * 220 * t) + 0.1 * np.sin(2 * np.pi * 1_760 * t)
    soundfile.write(file, tones, 44_100, "PCM_16", format="WAV")
    return file.getvalue()


def picture_bytes(colour: str = "brown") -> bytes:
    """Return a JPEG."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(file, "JPEG")
    return file.getvalue()


def notice(musician: Visitor, kind: str = "wrong") -> str:
    """Return the line that the page shows, as soon as there is one."""
    return musician.page.inner_text(f".notice.{kind} span")


def test_a_recording_is_dropped_heard_moved_compared_and_exported(musician: Visitor) -> None:
    page = musician.page
    musician.open()
    musician.drop("evening song.wav", tone_bytes(), "audio/wav")
    page.wait_for_selector("#desk:not([hidden])")
    assert page.inner_text("#title") == "evening song"
    musician.play()  # before anything is heard
    musician.choose("tuba", "violin")
    page.focus(".stave[data-target='violin'] input")
    for _ in range(12):
        page.keyboard.press("ArrowDown")
    assert page.inner_text(".stave[data-target='violin'] .db") == "−6.0 dB"
    page.keyboard.press("c")
    assert page.get_attribute("#hear-original", "aria-pressed") == "true"
    page.click("#hear-remix")
    page.click("#export")
    assert page.inner_text("#export-wishes") == "With violin −6 dB."
    page.select_option("#export-format", "flac")
    with page.expect_download() as download:
        page.click("#export-go")
    assert download.value.suggested_filename.endswith(".flac")
    assert "evening song" in download.value.suggested_filename
    assert soundfile.info(str(download.value.path())).frames == 6 * 44_100


def test_a_visitor_hears_an_example_by_one_click(musician: Visitor) -> None:
    musician.open()
    musician.page.click("#example")
    musician.page.wait_for_selector("#title:text-is('Greensleeves')")
    musician.page.wait_for_selector("#transport[data-state='playing']")
    musician.choose("violin")
    assert musician.page.evaluate("[...document.querySelectorAll('.stave')].map((stave) => stave.dataset.target)") == [
        "violin"
    ], "of its instruments, those that the model knows"


def test_wishes_are_saved_as_a_plan_for_a_library(musician: Visitor) -> None:
    musician.open("evening")
    musician.choose("tuba")
    musician.page.click(".stave[data-target='tuba'] .mute")
    musician.page.click("#save-plan")
    command = musician.page.inner_text("#plan-command")
    assert command.startswith("varemix remix /")
    assert command.endswith("-remixed --plan remix.yaml")
    with musician.page.expect_download() as download:
        musician.page.click("#plan-save")
    assert download.value.suggested_filename == "remix.yaml"
    assert "tuba: mute" in Path(download.value.path()).read_text()


def test_all_stems_come_in_one_zip_and_a_library_is_looked_at_first(musician: Visitor) -> None:
    page = musician.page
    musician.open("evening")
    page.click("#export")
    page.select_option("#export-what", "stems")
    with page.expect_download() as download:
        page.click("#export-go")
    with zipfile.ZipFile(str(download.value.path())) as archive:
        assert sorted(archive.namelist()) == ["evening - tuba.wav", "evening - violin.wav"]
    musician.move("tuba", -9)
    page.click("#save-plan")
    page.click("#library-look")
    page.wait_for_selector("#library-found dt:text-is('to write') + dd:text-is('1')")
    page.click("#library-start")
    page.wait_for_selector("#plan-wrong:has-text('varemix up')")


def test_the_keyboard_does_what_the_mouse_does(musician: Visitor) -> None:
    page = musician.page
    musician.open("evening")
    musician.choose("flute")  # the others are there: they seem to play
    places = page.eval_on_selector_all(".stave", "staves => staves.map((stave) => stave.dataset.target)")
    assert sorted(places) == ["flute", "tuba", "violin"]
    page.keyboard.press("3")
    assert page.evaluate("document.activeElement.closest('.stave').dataset.target") == places[2]
    page.keyboard.press("ArrowUp")
    assert page.inner_text(".stave:nth-child(3) .db") == "+0.5 dB"
    page.keyboard.press("3")
    assert page.inner_text(".stave:nth-child(3) .db") == "mute"
    page.keyboard.press("0")
    assert page.inner_text(".stave:nth-child(3) .db") == "0.0 dB"
    page.keyboard.press("s")
    assert page.get_attribute(".stave:nth-child(3) .solo", "aria-pressed") == "true"
    page.keyboard.press("ArrowRight")
    until(page, "document.getElementById('now').textContent === '0:05'")
    page.keyboard.press(" ")
    page.wait_for_selector("#transport[data-state='playing']")
    page.keyboard.press(" ")
    page.wait_for_selector("#transport[data-state='paused']")
    page.keyboard.press("?")
    assert page.is_visible("#help")


def test_a_double_click_sets_a_fader_to_zero(musician: Visitor) -> None:
    musician.open("evening")
    musician.choose("flute")
    musician.move("flute", -9)
    musician.page.dblclick(".stave[data-target='flute'] .fader input")
    assert musician.page.inner_text(".stave[data-target='flute'] .db") == "0.0 dB"


def test_an_instrument_that_does_not_seem_to_play_is_said_to_and_can_be_moved_all_the_same(musician: Visitor) -> None:
    musician.open("evening")
    musician.choose("flute")
    assert "not detected" in musician.page.inner_text(".stave[data-target='flute'] .note")
    musician.move("flute", -9)
    assert musician.page.inner_text(".stave[data-target='flute'] .db") == "−9.0 dB"


def test_a_page_that_is_loaded_again_stands_as_it_was(musician: Visitor) -> None:
    musician.open("evening")
    musician.move("violin", -3.5)
    musician.page.reload()
    musician.page.wait_for_selector(".stave[data-target='violin']")
    assert musician.page.inner_text(".stave[data-target='violin'] .db") == "−3.5 dB"


def test_a_gain_can_be_typed_and_a_mute_leaves_the_fader_where_it_is(musician: Visitor) -> None:
    page, violin = musician.page, ".stave[data-target='violin']"
    musician.open("evening")
    for typed, told in (("-7,5", "−7.5 dB"), ("+30", "+24.0 dB"), ("nonsense", "+24.0 dB"), ("−4 dB", "−4.0 dB")):
        page.click(f"{violin} .db")
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        assert page.inner_text(f"{violin} .db") == told
    page.click(f"{violin} .mute")
    assert (page.inner_text(f"{violin} .db"), page.input_value(f"{violin} .fader input")) == ("mute", "-4")
    page.click(f"{violin} .mute")
    assert page.inner_text(f"{violin} .db") == "−4.0 dB"


def test_what_was_changed_is_undone_and_redone(musician: Visitor) -> None:
    page = musician.page
    musician.open("evening")
    before = page.locator(".stave").count()
    page.click(".card[data-target='violin']")
    musician.move("tuba", -9)
    until(page, "document.getElementById('undo').ariaLabel === 'Undo: gain of tuba'")
    page.keyboard.press("Control+z")
    page.wait_for_selector(".stave[data-target='tuba'] .db:text-is('0.0 dB')")
    page.click("#undo")
    until(page, f"document.querySelectorAll('.stave').length === {before}")
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+y")
    page.wait_for_selector(".stave[data-target='tuba'] .db:text-is('−9.0 dB')")
    assert page.is_disabled("#redo")


def test_automation_is_drawn_on_a_lane_typed_in_a_list_undone_and_kept(musician: Visitor) -> None:
    page, tuba = musician.page, ".stave[data-target='tuba']"
    musician.open("evening")
    musician.choose("tuba")
    page.click(f"{tuba} .automate")
    lane = page.locator(f"{tuba} .time").bounding_box()
    drag(musician, lane, (0.25, 0.4), (0.5, 0.4))
    shown = {name: page.input_value(f"{tuba} .range input[name='{name}']") for name in ("from", "to", "db", "fade")}
    assert (shown["from"], shown["to"], shown["db"]) == ("0:03", "0:06", "−6.0 dB"), "edges snap to the ruler"
    drag(musician, lane, (0.37, 0.4), (0.37, 0.9))
    assert page.input_value(f"{tuba} .range input[name='db']").startswith("−5")
    for name, text, taken in (
        ("to", "0:05.5", "0:05.5"),
        ("db", "mute", "mute"),
        ("fade", "99", "1.25 s"),
        ("from", "soon", "0:03"),
    ):
        page.fill(f"{tuba} .range input[name='{name}']", text)
        page.keyboard.press("Tab")
        assert page.input_value(f"{tuba} .range input[name='{name}']") == taken
    page.click(f"{tuba} .add")
    assert page.locator(f"{tuba} .range").count() == 2
    until(page, "document.getElementById('undo').ariaLabel === 'Undo: automation of tuba'")
    page.click("#undo")
    until(page, f'document.querySelectorAll("{tuba} .range").length < 2')
    page.click("#redo")
    until(page, f'document.querySelectorAll("{tuba} .range").length === 2')
    with page.expect_response(lambda answer: "/api/sessions/" in answer.url and answer.request.method == "POST"):
        page.click(f"{tuba} .range:first-child button")
    page.reload()
    page.wait_for_selector(f"{tuba} .envelope polyline")
    page.click("#save-plan")
    assert "to 0:05.5 muted" in page.inner_text("#plan-wishes")
    with page.expect_download() as download:
        page.click("#plan-save")
    [wish] = load_plan(Path(download.value.path())).variants()[0].gains
    assert wish.text == "tuba=mute@0:03-0:05.5~1.25"


def drag(musician: Visitor, box: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag with the mouse between two places of a box, shares of its width and height."""
    (x, y), (to_x, to_y) = [(box["x"] + a * box["width"], box["y"] + b * box["height"]) for a, b in (start, end)]
    musician.page.mouse.move(x, y)
    musician.page.mouse.down()
    musician.page.mouse.move(to_x, to_y, steps=5)
    musician.page.mouse.up()


def test_the_time_axis_is_zoomed_marked_and_looped(musician: Visitor) -> None:
    page = musician.page
    musician.open("evening")
    musician.choose("violin")
    shown = "document.getElementById('scroll').ariaValueText"
    assert page.evaluate(shown) == "0:00 to 0:12"
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("k")
    page.wait_for_selector(".flag[aria-label='Marker 1 at 0:04']")
    ruler = page.locator("#ruler").bounding_box()
    assert ruler is not None
    drag(musician, ruler, (4 / 12 - 0.006, 0.3), (7 / 12, 0.3))
    until(page, "document.getElementById('loop-toggle').ariaPressed === 'true'")
    assert page.get_attribute("#loop-toggle", "title").startswith("Loop 0:04 to 0:07 ("), "it snaps to the marker"
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert page.evaluate(shown) == "0:03 to 0:06", "what the playhead is at stays"
    page.mouse.move(ruler["x"] + ruler["width"] / 2, ruler["y"] + 5)
    page.mouse.wheel(0, 10_000)
    until(page, f"{shown} === '0:00 to 0:12'")
    page.wait_for_selector("#axis span")
    until(page, "document.getElementById('spectrogram').width !== 300")  # it is drawn
    picture = page.locator("#spectrogram").bounding_box()
    assert picture is not None
    page.mouse.move(picture["x"] + picture["width"] / 2, picture["y"] + picture["height"] * 0.6)
    assert re.fullmatch(r"0:06(\.\d+)? · [\d.]+ k?Hz · .+", page.inner_text("#hover"))
    page.keyboard.press("l")
    until(page, "document.getElementById('loop-toggle').ariaPressed === 'false'")
    page.click("#undo")
    until(page, "document.getElementById('loop-toggle').ariaPressed === 'true'")
    page.click("#places-open")
    page.fill("#markers input", "Verse")
    page.keyboard.press("Tab")
    page.check("#count-in")
    page.click("#places-close")
    page.click(".flag[aria-label='Marker Verse at 0:04']")
    musician.play()
    page.wait_for_selector("#player-state:text-is('counting in')")
    page.wait_for_timeout(1000)
    page.reload()
    page.wait_for_selector(".flag[aria-label='Marker Verse at 0:04']")
    assert page.get_attribute("#loop-toggle", "aria-pressed") == "true"


def test_two_fingers_zoom_the_time_axis_and_a_tap_goes_there(browser: "Browser", desk: Process) -> None:
    with visitor(browser, desk.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as someone:
        page = someone.page
        someone.open()
        someone.drop("song.wav", tone_bytes(), "audio/wav")
        page.wait_for_selector("#desk:not([hidden])")
        fingers = page.context.new_cdp_session(page)

        def touch(kind: str, y: float, *xs: float) -> None:
            points = [{"x": x, "y": y, "id": number} for number, x in enumerate(xs)]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        def shown() -> tuple[float, float]:
            style = "getComputedStyle(document.getElementById('score')).getPropertyValue"
            return float(page.evaluate(f"{style}('--zoom')")), float(page.evaluate(f"{style}('--from')"))

        for place in ("#ruler", "#spectrogram"):
            page.evaluate(f"document.querySelector('{place}').scrollIntoView({{ block: 'center' }})")
            box = page.locator(place).bounding_box()
            assert box is not None
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            touch("touchStart", y, x - 20)
            touch("touchMove", y, x - 30)
            touch("touchStart", y, x - 30, x + 30)
            for far in range(40, 130, 10):
                touch("touchMove", y, x - far, x + far)
            touch("touchEnd", y, x - 120)
            touch("touchEnd", y)
            zoom, begins = shown()
            assert abs(zoom - 4) < 0.1
            assert abs(begins - (1 - 1 / zoom) / 2) < 0.01
            assert page.inner_text("#now") == "0:00"
            assert page.get_attribute("#loop-toggle", "aria-pressed") == "false"
            page.evaluate("document.getElementById('zoom-all').click()")
            assert shown() == (1, 0)
        page.locator("#spectrogram").tap()
        until(page, "document.getElementById('now').textContent === '0:03'")
        assert someone.console == []


def test_settings_are_compared_at_equal_loudness_and_levels_are_metered(musician: Visitor) -> None:
    page = musician.page
    musician.open("evening")
    musician.choose("violin")
    musician.move("violin", 12)
    page.keyboard.press("b")
    page.wait_for_selector("#setting-b[aria-pressed='true']")
    musician.move("violin", -20)
    page.click("#equal-loudness")
    until(page, "document.getElementById('trim').textContent.includes('dB')")
    assert page.inner_text("#trim") == "0.0 dB", "the softest stays as it is"
    page.click("#setting-a")
    page.wait_for_selector(".stave[data-target='violin'] .db:text-is('+12.0 dB')")
    louder_db = float(page.inner_text("#trim").removesuffix(" dB").replace("−", "-"))
    page.keyboard.press("c")
    original_db = float(page.inner_text("#trim").removesuffix(" dB").replace("−", "-"))
    assert louder_db < original_db < 0
    page.keyboard.press("c")
    page.click("#undo")
    page.wait_for_selector("#setting-b[aria-pressed='true']")
    musician.play()
    until(page, "document.getElementById('momentary').textContent !== '–'")
    until(page, "document.getElementById('true-peak').textContent !== '–'")


METERED = """async ([left, right]) => {
    const { LoudnessMeter } = await import("/loudness.js");
    const meter = new LoudnessMeter(44100);
    const both = [left, right].map((samples) => Float32Array.from(samples));
    for (let at = 0; at < left.length; at += 4321) meter.add(both.map((samples) => samples.slice(at, at + 4321)));
    return [meter.momentaryLufs, meter.shortTermLufs, meter.truePeakDb];
}"""


def test_meters_read_what_the_library_measures_and_peaks_between_samples(musician: Visitor) -> None:
    noise = np.random.default_rng(3).uniform(-0.4, 0.4, (2, 3 * 44_100))
    musician.page.goto(musician.url)
    momentary_lufs, short_term_lufs, _ = musician.page.evaluate(METERED, noise.tolist())
    whole, last = LoudnessMeter(44_100, 2), LoudnessMeter(44_100, 2)
    whole.add(noise)
    last.add(noise[:, -round(0.4 * 44_100) :])
    assert short_term_lufs == pytest.approx(whole.integrated_lufs, abs=0.05)
    assert momentary_lufs == pytest.approx(last.integrated_lufs, abs=0.1)
    tone = 0.5 * np.sin(np.pi / 2 * np.arange(44_100) + np.pi / 4)  # a quarter of the rate: no sample above 0.354
    _, _, true_peak_db = musician.page.evaluate(METERED, [tone.tolist()] * 2)
    assert true_peak_db == pytest.approx(20 * np.log10(0.5), abs=0.1)


def test_a_session_has_a_name_outlives_the_browser_and_can_be_copied(
    musician: Visitor, browser: "Browser", desk: Process
) -> None:
    page = musician.page
    musician.open("evening")
    musician.move("violin", -8)
    page.click("#session-name")
    page.fill("#session-title", "for Anna")
    page.keyboard.press("Enter")
    page.wait_for_selector("#session-name:text-is('for Anna')")
    with visitor(browser, desk.url) as other:
        other.open("evening")
        assert other.page.inner_text("#session-name") == "for Anna"
        assert other.page.inner_text(".stave[data-target='violin'] .db") == "−8.0 dB"
        other.page.click("#session-name")
        other.page.click("#session-copy")
        other.page.wait_for_selector("#session-name:text-is('Mix 2')")
        other.move("violin", 3)
        other.page.click("#session-name")
        other.page.click("#session-others a:text-is('for Anna')")
        other.page.wait_for_selector(".stave[data-target='violin'] .db:text-is('−8.0 dB')")


def test_how_deep_a_mute_will_be_is_told_and_more_can_be_removed(musician: Visitor) -> None:
    page, note = musician.page, ".stave[data-target='violin'] .note"
    musician.open("evening")
    page.wait_for_selector(f"{note}:has-text('mute: about')")
    assert "of ten such mutes" in page.get_attribute(note, "title")
    page.fill("#reading", "0")
    musician.move("violin", -9)
    with page.expect_request(lambda request: "exponent=0.25&moved=violin" in request.url):
        musician.play()
    page.click("#save-plan")
    with page.expect_download() as download:
        page.click("#plan-save")
    plan = Path(download.value.path()).read_text()
    assert "mask_exponent: 0.25" in plan


def test_a_photo_is_corrected_by_hand_cropped_and_joined_by_others(musician: Visitor) -> None:
    page = musician.page
    musician.open("evening")
    musician.drop("my fiddle.jpg", picture_bytes(), "image/jpeg")
    page.click(".stave:has(h3:text-is('my fiddle')) .photo-button")
    page.wait_for_selector("#photo-like:has-text('Looks most like')")
    page.fill("#photo-zoom", "2")
    page.focus("#photo-view")
    page.keyboard.press("ArrowRight")
    page.click("#photo-crop")
    page.wait_for_selector("#photo-title:text-is('my fiddle (part)')")
    more = {"name": "again.jpg", "mimeType": "image/jpeg", "buffer": picture_bytes("red")}
    page.set_input_files("#photo-more", [more])
    page.wait_for_selector("#photo-title:has-text('2 photos')")
    page.select_option("#photo-shows", "flute")
    page.click("#photo-close")
    page.wait_for_selector(f".stave[data-target='flute']:has(h3:text-is('my fiddle (part)')){HEARD}")
    assert page.locator(".stave").count() == 3


def test_a_file_that_is_no_recording_is_refused_in_words(musician: Visitor) -> None:
    musician.open()
    musician.drop("letter.wav", b"Dear all, this is no music. " * 40, "audio/wav")
    assert "letter.wav" in notice(musician) or "audio" in notice(musician)
    musician.page.click(".notice .round")
    musician.drop("letter.jpg", b"Dear all, this is no picture. " * 40, "image/jpeg")
    assert "picture" in notice(musician).lower()


def test_a_recording_that_cannot_be_played_says_so_once_and_does_not_wait(musician: Visitor) -> None:
    samples = np.zeros(44_100, np.float32)
    samples[1000] = np.nan
    file = io.BytesIO()
    soundfile.write(file, samples, 44_100, format="WAV", subtype="FLOAT")
    musician.open()
    musician.drop("broken.wav", file.getvalue(), "audio/wav")
    musician.page.wait_for_selector("#title:text-is('broken')")
    assert "finite numbers" in notice(musician)
    musician.page.click("#play-button")
    until(musician.page, "document.getElementById('transport').dataset.state === 'paused'")
    assert len(musician.page.query_selector_all(".notice")) == 1


def test_what_is_not_heard_this_far_is_told_who_moves_its_fader(musician: Visitor) -> None:
    musician.page.route("**/api/recordings/*/events", lambda route: route.fulfill(status=204))
    musician.page.route("**/api/recordings/*/hear", lambda route: route.fulfill(status=202, json={}))
    musician.page.route(re.compile(r"/api/recordings/\w+$"), half_heard)
    musician.open("evening")
    musician.page.click(".card[data-target='flute']")
    musician.move("flute", -9)
    assert musician.page.inner_text("#player-state") == ""
    for _ in range(2):
        musician.page.keyboard.press("ArrowRight")
    until(musician.page, "document.getElementById('player-state').textContent === 'not analysed this far yet: flute'")


def half_heard(route: Any) -> None:
    """Answer what a recording is as if half of the flute were heard."""
    facts = route.fetch().json()
    for state in facts["targets"]:
        if state["target"] == "flute":
            state |= {"state": "hearing", "progress": 0.5, "heard": [[0, 0.5]]}
    route.fulfill(json=facts)


def test_what_seems_to_play_comes_first_and_no_card_moves_away_under_a_hand(musician: Visitor) -> None:
    musician.open()
    assert cards(musician) == ["flute", "tuba", "violin"]
    musician.page.hover(".library-head h2")
    musician.open("evening")
    until(musician.page, "document.querySelectorAll('.card.plays').length === 2")
    assert cards(musician) == ["tuba", "violin", "flute"]
    musician.page.focus(".card[data-target='violin']")
    musician.page.evaluate("location.hash = ''")
    musician.page.wait_for_selector("#shelf:not([hidden])")
    musician.page.evaluate("document.activeElement.blur()")
    until(musician.page, "document.querySelector('.card').dataset.target === 'flute'")


def cards(musician: Visitor) -> list[str]:
    """Return the targets of the cards in their order."""
    return list(musician.page.eval_on_selector_all("button.card", "cards => cards.map((card) => card.dataset.target)"))


def test_what_is_heard_poorly_is_marked_described_and_not_put_on_the_desk_unasked(musician: Visitor) -> None:
    qualities = {"tuba": ("poorly", 0.2), "violin": ("hardly at all", -1.25), "flute": ("well", 7.0)}

    def measured(route: Any) -> None:
        told = {name: {"heard": heard, "nsdr_db": nsdr_db} for name, (heard, nsdr_db) in qualities.items()}
        route.fulfill(json=[one | told[one["name"]] for one in route.fetch().json()])

    musician.page.route("**/api/instruments", measured)
    musician.open("evening")
    described = "cards => cards.map((card) => `${card.dataset.target} ${card.title}`)"
    assert musician.page.eval_on_selector_all("button.card:has(.reception)", described) == [
        "tuba separated poorly: 0.2 dB",
        "violin separated hardly at all: −1.3 dB",
    ]
    assert musician.page.query_selector(".stave[data-target='violin']") is None
    assert musician.page.inner_text(".stave[data-target='tuba'] .note").startswith("separated poorly: 0.2 dB")


def test_at_most_six_instruments_are_put_on_the_desk_unasked(musician: Visitor) -> None:
    def all_play(route: Any) -> None:
        facts = route.fetch().json()
        [pattern] = [state for state in facts["targets"] if state["target"] == "tuba"]
        further = [pattern | {"target": path.stem, "title": path.stem} for path in PICTURES]
        route.fulfill(json=facts | {"targets": further})

    musician.page.route("**/api/instruments", every_instrument)
    musician.page.route(re.compile(r"/api/recordings/\w+$"), all_play)
    musician.page.route("**/masks/*.png", lambda route: route.fulfill(status=404, json={}))
    musician.open("evening")
    assert len(musician.page.query_selector_all(".stave")) == 6
    assert len(musician.page.query_selector_all(".card.plays")) == len(PICTURES)


def every_instrument(route: Any) -> None:
    """Answer which instruments are known as if there were all that the page has a picture of."""
    known = route.fetch().json()
    further = [path for path in PICTURES if path.stem not in {one["name"] for one in known}]
    named = [{"name": path.stem, "title": path.stem.replace("_", " ")} for path in further]
    quality = {"heard": "poorly", "nsdr_db": 0.2}
    route.fulfill(json=known + [one | quality | {"picture": f"/pictures/{one['name']}.webp"} for one in named])


def test_the_links_past_things_leave_the_recording_open(musician: Visitor) -> None:
    musician.open("evening")
    for link, reached in ((".skip >> nth=0", "main"), (".cast .skip", "play-button")):
        musician.page.focus(link)
        musician.page.keyboard.press("Enter")
        assert musician.page.evaluate("document.activeElement.id") == reached
    assert musician.page.is_visible("#desk")


def test_a_file_that_is_too_large_is_not_sent(musician: Visitor) -> None:
    def small(route: Any) -> None:
        health = route.fetch().json()
        route.fulfill(json=health | {"max_upload_bytes": 100_000})

    musician.page.route("**/api/health", small)
    musician.open()
    until(musician.page, "document.getElementById('limits').textContent.includes('100 kB')")
    musician.drop("symphony.wav", tone_bytes(), "audio/wav")
    assert "529 kB" in notice(musician)
    assert not any("api/recordings?name" in url for url in musician.requests)


def test_what_the_server_finds_too_large_is_said_in_its_words(musician: Visitor) -> None:
    refusal = {"status": 413, "json": {"error": "The file is larger than 4 GB."}}
    musician.page.route("**/api/recordings?name=*", lambda route: route.fulfill(**refusal))
    musician.open()
    musician.drop("symphony.wav", tone_bytes(), "audio/wav")
    assert notice(musician) == "The file is larger than 4 GB."


def test_two_tabs_play_the_same_recording(musician: Visitor, desk: Process) -> None:
    musician.open("evening")
    other = tab(musician.page.context, desk.url)
    other.open("evening")
    for someone in (musician, other):
        someone.choose("flute")
        someone.move("violin", -6)
        someone.play()
    for someone in (musician, other):
        until(someone.page, "document.getElementById('now').textContent >= '0:01'")
    assert other.console == []


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1600])
def test_the_page_is_accessible(browser: "Browser", desk: Process, colours: str, width: int) -> None:
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        if os.environ.get("VAREMIX_TEST_ALL") == "1":
            raise
        pytest.skip("needs the PyPI package axe-playwright-python")
    with visitor(browser, desk.url, color_scheme=colours, viewport={"width": width, "height": 900}) as someone:
        someone.page.route("**/api/instruments", every_instrument)
        someone.open()
        found = [*violations(Axe(), someone)]
        someone.open("evening")
        someone.choose("flute", "violin")
        someone.page.click(".stave[data-target='violin'] .mute")
        someone.page.click(".stave[data-target='violin'] .automate")
        someone.page.click(".stave[data-target='violin'] .add")
        someone.page.keyboard.press("Escape")
        if width < 700:
            someone.page.click("#more-tools")
        someone.page.click("#marker-add")
        someone.page.click("#loop-toggle")
        for name in ("#practice-open", "#slower", "#only-mine", "#click"):
            someone.page.click(name)
        found += violations(Axe(), someone)
        assert someone.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert found == []


def violations(axe: Any, someone: Visitor) -> list[str]:
    """Return what axe finds wrong with the page as it is."""
    results = axe.run(someone.page, options={"runOnly": {"type": "tag", "values": AXE_RULES}}).response
    return [f"{found['id']}: {node['html'][:120]}" for found in results["violations"] for node in found["nodes"]]


def test_a_photo_becomes_an_instrument(musician: Visitor) -> None:
    musician.open("evening")
    musician.drop("my fiddle.jpg", picture_bytes(), "image/jpeg")
    musician.page.wait_for_selector(".stave h3:text-is('my fiddle')")
    assert "most like" in musician.page.inner_text(".card:has(span:text-is('my fiddle')) small")
    musician.page.wait_for_selector(f".stave:has(h3:text-is('my fiddle')){HEARD}")


def test_a_photo_of_nothing_that_is_known_is_used_only_where_somebody_says_so(musician: Visitor) -> None:
    def as_stranger(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"is_known": False})

    musician.page.route("**/api/pictures?*", as_stranger)
    musician.open("evening")
    musician.drop("my teapot.jpg", picture_bytes("white"), "image/jpeg")
    assert "'my teapot' shows none of the instruments that are known here; it is most like " in notice(musician)
    assert not musician.page.query_selector(".stave h3:text-is('my teapot')")
    musician.page.click(".notice button:text-is('Use it all the same')")
    musician.page.wait_for_selector(".stave h3:text-is('my teapot')")
    assert not musician.page.query_selector(".notice.wrong")


def test_a_lost_server_is_said_and_recovered_from(browser: "Browser", desk: Process) -> None:
    with visitor(browser, desk.url) as someone:
        page = someone.page
        someone.open("evening")
        someone.play()
        until(page, "document.getElementById('now').textContent >= '0:01'")
        desk.kill()
        page.wait_for_selector(".notice[data-key='lost']")
        before = page.inner_text("#now")
        until(page, f"document.getElementById('now').textContent > '{before}'")  # what is here plays on
        desk.start()
        page.wait_for_selector(".notice[data-key='lost']", state="detached")
        someone.choose("flute")


def test_a_session_that_is_left_shows_nothing_on_the_desk_that_comes_after_it(musician: Visitor) -> None:
    page, violin = musician.page, ".stave[data-target='violin']"
    musician.open("evening")
    musician.choose("violin")
    for gain_db in (-6, -8):
        musician.move("violin", gain_db)
        page.click("#another")  # before it is saved
        page.click("#recordings a:has(b:text-is('evening'))")
        page.wait_for_selector(f"#desk:not([hidden]) {violin} .db:text-is('−{-gain_db}.0 dB')")
    with page.expect_response(lambda response: response.request.method == "POST"):
        musician.move("violin", -10)
    page.wait_for_timeout(300)
    assert page.locator(violin).count() == 1


def test_what_changes_nothing_leaves_undo_as_it_was(musician: Visitor) -> None:
    page = musician.page
    musician.open("evening")
    musician.choose("violin")
    musician.move("violin", -6)
    page.wait_for_selector("#undo[title='Undo: gain of Violin'], #undo[title='Undo: gain of violin']")
    with page.expect_response(lambda response: response.request.method == "POST"):
        for _ in range(2):
            page.keyboard.press("m")
    until(page, "document.getElementById('undo').title.toLowerCase() === 'undo: gain of violin'")


def test_arrow_keys_move_the_slider_that_has_the_focus_and_no_instrument_that_nobody_touched(musician: Visitor) -> None:
    page = musician.page
    musician.open("evening")
    musician.choose("violin")
    gains = page.locator(".stave .db").all_inner_texts()
    page.reload()
    page.wait_for_selector(".stave[data-target='violin']")
    page.keyboard.press("PageDown")
    page.focus("#reading")
    page.keyboard.press("ArrowRight")
    assert page.input_value("#reading") == "5"
    assert page.inner_text("#now") == "0:00"
    page.keyboard.press("ArrowUp")
    assert page.input_value("#reading") == "6"
    assert page.locator(".stave .db").all_inner_texts() == gains
    page.keyboard.press("1")
    page.keyboard.press("ArrowRight")
    until(page, "document.getElementById('now').textContent === '0:05'")
    page.keyboard.press("PageDown")
    assert page.locator(".stave .db").all_inner_texts() != gains


def test_who_types_a_gain_and_clicks_into_a_field_types_there(musician: Visitor) -> None:
    page = musician.page
    musician.open("evening")
    musician.choose("violin")
    if not page.is_visible("#practice"):
        page.click("#practice-open")
    page.click(".stave[data-target='violin'] .db")
    page.keyboard.type("-6")
    page.click("#bpm")
    page.keyboard.press("Control+a")
    page.keyboard.type("120")
    page.keyboard.press("Enter")
    assert page.input_value("#bpm") == "120 BPM"
    assert page.inner_text(".stave[data-target='violin'] .db") == "−6.0 dB"


def test_a_marker_that_is_renamed_can_be_deleted_by_the_next_click(musician: Visitor) -> None:
    page = musician.page
    musician.open("evening")
    for _ in range(2):
        page.keyboard.press("k")
        page.keyboard.press("ArrowRight")
    page.click("#places-open")
    page.fill("#markers li:nth-child(1) input", "Verse")
    page.click("#markers li:nth-child(1) button[aria-label^='Delete']")
    until(page, "document.querySelectorAll('#markers li').length === 1")
    assert page.input_value("#markers input") == "2"


def test_a_session_that_somebody_deletes_is_told_to_who_has_it_open(musician: Visitor, desk: Process) -> None:
    musician.open("evening")
    musician.choose("violin")
    musician.page.wait_for_timeout(500)
    desk.forget_sessions()
    musician.page.wait_for_selector(".notice:has-text('This session was deleted.')")
    assert musician.page.is_visible("#shelf")


def test_several_recordings_that_are_dropped_lie_on_the_shelf_and_one_is_opened(musician: Visitor) -> None:
    page = musician.page
    musician.open()
    page.evaluate(
        """(contents) => {
            const dataTransfer = new DataTransfer();
            contents.forEach((content, place) => {
                const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
                dataTransfer.items.add(new File([bytes], `take ${place + 1}.wav`, { type: "audio/wav" }));
            });
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        [base64.b64encode(noise_bytes(seed=seed, seconds=1)).decode() for seed in (201, 202)],
    )
    page.wait_for_selector(".notice:has-text(\"On the shelf: 'take 1' and 'take 2'.\")")
    page.wait_for_selector("#recordings a:has(b:text-is('take 2'))")
    assert page.is_visible("#shelf")
    musician.drop("take 3.wav", noise_bytes(seed=203, seconds=1), "audio/wav")
    page.wait_for_selector("#desk:not([hidden]) #title:text-is('take 3')")
