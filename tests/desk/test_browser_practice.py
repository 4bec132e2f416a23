"""Practice at the desk: tempo, pitch, one's own instrument, the click; what is played is what is exported.

What is measured is told with `pytest --log-cli-level=INFO`.
"""

import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from catalog.masks import MaskReader
from catalog.store import Catalog
from desk.studio import EXAMPLE
from tasks.mask_file import grid_of
from tests.desk.browser import Process, Visitor, desk_process, samples_of, tab, until, visitor
from tests.tasks.planted import BANDS_HZ, open_catalog, plant_masks, register_checkpoint, scanned
from tests.tasks.untrained import write_checkpoint
from varemix.media.audio import read_audio
from varemix.remix.automation import MUTE_DB
from varemix.remix.render import render_remix
from varemix.remix.tuning import Tuning
from varemix.remix.wishes import GainWish

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

_log = logging.getLogger(__name__)

RATE_HZ = 44_100
WITHIN_MS = 10.0
WITHIN_CENTS = 5.0
WITHIN_DB = 1.5
HEARD_DB = 40.0  # bands so much below the loudest count
BANDS = 125 * 2.0 ** np.arange(8)  # octaves, 125 Hz to 16 kHz

RENDER = """
async ([tempo, semitones, length]) => {
    const { Mixer } = await import("/mixer.js");
    const { voiceGains } = await import("/gains.js");
    const server = await import("/server.js");
    const facts = await server.facts(location.hash.slice(1).split("/")[0]);
    const context = new OfflineAudioContext(2, Math.round(facts.num_samples / tempo) + facts.rate_hz, facts.rate_hz);
    const mixer = new Mixer(context, facts.full_scale);
    await mixer.tune(tempo, semitones);
    const { original, stems } = voiceGains({ violin: { gain_db: 0, is_muted: true, is_solo: false } });
    const company = server.companyOf(["violin"], 1, []);
    for (const [voice, gain] of Object.entries({ "": original, ...stems })) {
        mixer.setGain(voice, gain);
        for (let place = 0; place < facts.num_segments; place += 1) {
            const response = await server.ask(server.segmentUrl(facts.id, voice, place, company));
            const buffer = await context.decodeAudioData(await response.arrayBuffer());
            mixer.play(voice, buffer, (place * facts.segment_samples) / facts.rate_hz / tempo);
        }
    }
    const sound = await context.startRendering();
    const latency = Math.round(mixer.latencyS * facts.rate_hz);
    const both = new Float32Array(2 * length);
    for (const channel of [0, 1]) {
        both.set(sound.getChannelData(channel).subarray(latency, latency + length), channel * length);
    }
    return [mixer.latencyS, packed(both)];
}
"""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalog, Path, Path]:
    """A home with stored masks of a piece of music, its library, and the mask file."""
    root = tmp_path_factory.mktemp("practice")
    catalog = open_catalog(root / "home")
    file = write_checkpoint(root / "untrained.safetensors", sorted(BANDS_HZ))
    champion = register_checkpoint(catalog, file, "small", "champion")
    library = root / "library"
    library.mkdir()
    shutil.copy(EXAMPLE / "Greensleeves.ogg", library / "song.ogg")
    beats = np.zeros(10 * RATE_HZ)
    for beat in range(20):
        beats[beat * RATE_HZ // 2 :][: RATE_HZ // 50] = np.random.default_rng(beat).uniform(-0.5, 0.5, RATE_HZ // 50)
    soundfile.write(library / "beats.wav", beats, RATE_HZ)
    [row] = [row for row in scanned(catalog, library) if row["track_path"] == "song.ogg"]
    return catalog, library, plant_masks(catalog, row, champion)


@pytest.fixture(scope="module")
def desk(planted: tuple[Catalog, Path, Path]) -> Iterator[Process]:
    catalog, library, _ = planted
    with desk_process(catalog.home.root, library) as process:
        yield process


@pytest.fixture
def musician(browser: "Browser", desk: Process) -> Iterator[Visitor]:
    """Somebody who has the piece open with a flute and a violin; in the end the console has no error."""
    desk.forget_sessions()
    with visitor(browser, desk.url) as someone:
        someone.open("song")
        someone.choose("flute", "violin")
        yield someone
        assert someone.console == []


@pytest.mark.parametrize(("tempo", "semitones"), [(0.8, -2.0), (0.5, 0.0), (1.25, 3.0)])
def test_the_page_plays_what_the_export_holds(
    musician: Visitor, planted: tuple[Catalog, Path, Path], tmp_path: Path, tempo: float, semitones: float
) -> None:
    _, library, masks = planted
    tuning, wish = Tuning(tempo=tempo, transpose_semitones=semitones), GainWish(target="violin", gain_db=MUTE_DB)
    with MaskReader(masks) as reader:
        stacked, grid = reader.read("violin")[None], grid_of(reader.header)
    render_remix(library / "song.ogg", tmp_path / "out.wav", [stacked], [wish], grid, format_name="wav", tuning=tuning)
    exported = read_audio(tmp_path / "out.wav")[0][0]
    latency_s, content = musician.page.evaluate(RENDER, [tempo, semitones, len(exported)])
    played = samples_of(content, block=len(exported))[0]
    onset_ms, cents = lag_ms(played, exported), detuning_cents(played, exported)
    own_db = band_levels_db(exported)
    off_db = np.abs(band_levels_db(played) - own_db)[own_db > own_db.max() - HEARD_DB].max()
    _log.info(
        f"{tuning.text}: {onset_ms:.0f} ms, {cents:.0f} cents, {off_db:.1f} dB; the graph's latency {latency_s} s"
    )
    assert abs(onset_ms) <= WITHIN_MS
    assert abs(cents) <= WITHIN_CENTS
    assert off_db < WITHIN_DB


def test_what_changes_masks_is_heard_in_the_middle_of_what_plays(musician: Visitor) -> None:
    page = musician.page
    page.click("#practice-open")
    page.fill("#tempo-typed", "25")  # a segment lasts 20 s
    page.keyboard.press("Tab")
    page.click(".stave[data-target='violin'] .mute")
    musician.play()
    until(page, "document.getElementById('now').textContent >= '0:01'")
    page.evaluate(NOTE_SOURCES)
    page.fill("#reading", "0")
    until(page, "heard.begun.some((offset) => offset > 1) && heard.ended > 0")
    assert page.inner_text("#now") < "0:05"
    assert page.inner_text("#player-state") == ""


NOTE_SOURCES = """() => {
    heard.begun = [];
    heard.ended = 0;
    const { start, stop } = AudioBufferSourceNode.prototype;
    AudioBufferSourceNode.prototype.start = function (when, offset, ...more) {
        heard.begun.push(offset);
        return start.call(this, when, offset, ...more);
    };
    AudioBufferSourceNode.prototype.stop = function (when) {
        heard.ended += 1;
        return stop.call(this, when);
    };
}"""


def test_clicks_fall_on_the_beats_of_the_recording_at_another_tempo(browser: "Browser", desk: Process) -> None:
    desk.forget_sessions()
    with visitor(browser, desk.url, bypass_csp=True) as someone:
        page = someone.page
        someone.open("beats")
        page.keyboard.press("p")
        page.fill("#bpm", "120")
        page.keyboard.press("Tab")
        page.click("#click")
        someone.play()
        someone.tap(and_clicks=True)
        for percent in (80, 75):  # the second one while it plays
            page.fill("#tempo-typed", str(percent))
            page.keyboard.press("Tab")
            someone.listen(1.0)
            someone.tapped()
            someone.listen(2.5)
            (recording, clicks), _ = someone.tapped()
            beat = 0.5 / (percent / 100) * RATE_HZ
            beats, found = onsets(recording, round(beat)), onsets(clicks, round(beat))
            assert len(beats) >= 3
            assert np.abs(np.diff(beats) - beat).max() * 1000 / RATE_HZ < WITHIN_MS
            off_ms = [1000 * np.abs(found - one).min() / RATE_HZ for one in beats]
            _log.info(f"{percent} %: from the recording's beats to the clicks {np.round(off_ms, 1)} ms")
            assert max(off_ms) < WITHIN_MS


def onsets(sound: np.ndarray, apart: int) -> np.ndarray:
    """Return where a sound rises to half of its highest peak, at least half of `apart` after the last time."""
    level = np.abs(sound)
    found: list[int] = []
    for at in np.flatnonzero(level > level.max() / 2):
        if not found or at - found[-1] > apart // 2:
            found.append(int(at))
    return np.array(found)


def test_practice_is_set_kept_undone_and_the_same_in_every_tab(musician: Visitor, tmp_path: Path) -> None:
    page = musician.page
    page.click("#practice-open")
    page.fill("#tempo-typed", "82,5 %")
    page.keyboard.press("Tab")
    page.click("#slower")
    for _ in range(2):
        page.click("#lower")
    page.select_option("#mine", "violin")
    page.click("#without-mine")
    page.fill("#bpm", "96")
    page.keyboard.press("Tab")
    page.select_option("#beats", "3")
    page.click("#click")
    musician.play()
    until(page, "document.getElementById('now').textContent >= '0:02'")
    page.keyboard.press("h")
    musician.play_from_start()
    told = shown(musician)
    assert told["tuning"] == "Practice: 80 %, −2 semitones"
    assert (told["mute"], told["preset"], told["click"]) == ("true", "true", "true")
    assert told["beat"].split("it is at ")[1] >= "0:02"
    saved = [url for url in musician.requests if "/api/sessions/" in url][-1]
    until(page, f"fetch('{saved}').then((answer) => answer.json()).then(({{ mix }}) => mix.click.first_beat_s > 2)")

    other = tab(page.context, page.url)
    other.page.goto(page.url)
    other.page.wait_for_selector(".stave[data-target='violin'] .mute[aria-pressed='true']")
    assert shown(other) == told
    page.reload()
    page.wait_for_selector(".stave[data-target='violin'] .mute[aria-pressed='true']")
    assert shown(musician) == told
    assert page.is_visible("#practice")

    page.keyboard.press("w")  # again: all at 0 dB
    page.wait_for_selector(".stave[data-target='violin'] .mute[aria-pressed='false']")
    page.keyboard.press("i")
    page.wait_for_selector(".stave[data-target='flute'] .db:text-is('−9.0 dB')")
    for _ in range(2):
        page.keyboard.press("Control+z")
    other.page.wait_for_selector(".stave[data-target='violin'] .mute[aria-pressed='true']")
    assert shown(other) == told

    lengths = []
    for choice in ("", "tuned"):
        page.click("#export")
        page.select_option("#export-tempo", choice)
        with page.expect_download() as download:
            page.click("#export-go")
        lengths.append(soundfile.info(str(download.value.path())).frames)
    assert download.value.suggested_filename == "song (violin mute, 80 %, -2 semitones).ogg"
    assert lengths[1] == round(lengths[0] / 0.8)


SHOWN = """() => ({
    tuning: document.getElementById("practice-open").textContent,
    mute: document.querySelector(".stave[data-target='violin'] .mute").ariaPressed,
    preset: document.getElementById("without-mine").ariaPressed,
    click: document.getElementById("click").ariaPressed,
    bpm: document.getElementById("bpm").value,
    beats: document.getElementById("beats").value,
    beat: document.getElementById("first-beat").title,
})"""


def shown(someone: Visitor) -> dict[str, str]:
    """Return what the page shows of what is practised."""
    return dict(someone.page.evaluate(SHOWN))


def test_a_tempo_can_be_tapped_and_beats_are_counted_from_the_first(musician: Visitor) -> None:
    tapped, beats, none, counted_in = musician.page.evaluate(
        """async () => {
            const { Tapping, beatsBetween, typedBpm } = await import("/metronome.js");
            const tapping = new Tapping();
            const taps = [0, 500, 1010, 1490, 2000].map((time) => tapping.tap(time));
            const { countInOf } = await import("/places.js");
            const click = { is_on: true, bpm: 90, beats_a_bar: 3 };
            const countIn = countInOf({ count_in_bpm: 100, click });
            const found = beatsBetween({ bpm: 120, beats: 3, firstS: 1.25 }, 0, 2.5);
            return [taps, found, typedBpm("fast") ?? null, countIn];
        }"""
    )
    assert (tapped[0], tapped[-1], none) == (None, 120, None)
    assert counted_in == {"beats": 3, "bpm": 100}
    assert [beat["atS"] for beat in beats] == [0.25, 0.75, 1.25, 1.75, 2.25]
    assert [beat["isFirst"] for beat in beats] == [False, False, True, False, False]


TAP_FOUR_TIMES = """async () => {
    for (let tap = 0; tap < 4; tap += 1) {
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "t", bubbles: true }));
        await new Promise((resolve) => { setTimeout(resolve, 400); });
    }
}"""  # by the page's own clock: on a slow machine, too, no pause between them is taken for the end


def test_what_is_typed_stays_when_something_is_saved_meanwhile(musician: Visitor) -> None:
    page = musician.page
    page.click("#practice-open")
    held: list[Route] | None = []

    def hold(route: "Route") -> None:
        if held is None:
            route.continue_()
        else:
            held.append(route)

    page.route(re.compile(r"/api/sessions/\w+$"), hold)
    with page.expect_request(lambda request: request.method == "POST"):
        page.click("#click")
        page.fill("#tempo-typed", "80")
    going, held = held, None
    with page.expect_response(lambda response: response.request.method == "POST"):
        for route in going:
            route.continue_()
    until(page, "document.getElementById('undo').title === 'Undo: click track'")
    page.wait_for_timeout(100)
    page.keyboard.press("Tab")
    page.wait_for_selector("#practice-tuning:text-is(': 80 %')")
    page.fill("#bpm", "as fast as you can")
    page.keyboard.press("Enter")  # no number: what it was is shown again, though the field is still in hand
    until(page, "document.getElementById('bpm').value === '100 BPM'")


def test_loop_and_count_in_follow_the_click_and_keys_reach_the_desk_after_a_dialog(musician: Visitor) -> None:
    page = musician.page
    page.click("#practice-open")
    page.fill("#bpm", "96 BPM")  # in bars of 2.5 s
    page.keyboard.press("Enter")
    page.click("#click")
    page.select_option("#beats", "3")
    page.select_option("#beats", "4")
    ruler = page.locator("#ruler").bounding_box()
    assert ruler is not None
    second = ruler["width"] / soundfile.info(str(EXAMPLE / "Greensleeves.ogg")).duration
    page.mouse.move(ruler["x"] + 2.55 * second, ruler["y"] + 9)
    page.mouse.down()
    page.mouse.move(ruler["x"] + 6 * second, ruler["y"] + 9)
    page.mouse.move(ruler["x"] + 7.45 * second, ruler["y"] + 9)
    page.mouse.up()
    until(page, "document.getElementById('loop-toggle').title === 'Loop 0:02.5 to 0:07.5 (L)'")
    page.check("#click-count-in")
    page.click("#places-open")
    assert page.is_checked("#count-in")
    assert page.input_value("#count-in-bpm") == "96"
    page.click("#places-close")
    page.keyboard.press(" ")
    page.wait_for_selector("#player-state:text-is('counting in')")
    page.keyboard.press(" ")
    page.fill("#bpm", "120")
    page.keyboard.press("Enter")
    page.evaluate(TAP_FOUR_TIMES)
    until(page, "document.getElementById('undo').title === 'Undo: tempo of the click'")
    assert page.input_value("#bpm") != "120 BPM"
    assert f"{page.input_value('#count-in-bpm')} BPM" == page.input_value("#bpm")
    page.keyboard.press("Control+z")
    until(page, "document.getElementById('bpm').value === '120 BPM'")  # all taps are one step


def lag_ms(one: np.ndarray, other: np.ndarray) -> float:
    """Return by how much the onsets of one sound come after those of another."""
    step = RATE_HZ // 1000
    rises = []
    for sound in (one, other):
        power = np.convolve(sound.astype(np.float64) ** 2, np.hanning(20 * step), "same")[: len(sound) // step * step]
        level = np.log(power.reshape(-1, step).mean(axis=1) + 1e-7)
        rises.append(np.maximum(np.diff(level), 0))
    alike = np.correlate(*rises, "full")
    return float(np.argmax(alike) - (len(rises[1]) - 1))


def spectrum(sound: np.ndarray) -> np.ndarray:
    """Return the mean power of a sound in bins of RATE_HZ / 65536."""
    size = 1 << 16
    frames = [sound[at : at + size] * np.hanning(size) for at in range(0, len(sound) - size, size // 4)]
    return np.mean([np.abs(np.fft.rfft(frame)) ** 2 for frame in frames], axis=0)


def band_levels_db(sound: np.ndarray) -> np.ndarray:
    """Return the level in each third of an octave."""
    power, frequencies = spectrum(sound), np.arange((1 << 15) + 1) * RATE_HZ / (1 << 16)
    edges = [(band / 2**0.5, band * 2**0.5) for band in BANDS]
    return np.array([10 * np.log10(power[(low <= frequencies) & (frequencies < high)].sum()) for low, high in edges])


def detuning_cents(one: np.ndarray, other: np.ndarray) -> float:
    """Return how much higher one sound is than another, by their spectra on an axis of cents."""
    axis_hz = 150 * 2 ** (np.arange(6000) / 1200)
    at = axis_hz * (1 << 16) / RATE_HZ
    rows = [np.log(np.interp(at, np.arange((1 << 15) + 1), spectrum(sound)) + 1e-9) for sound in (one, other)]
    alike = np.correlate(*(row - row.mean() for row in rows), "full")
    return float(np.argmax(alike) - (len(axis_hz) - 1))
