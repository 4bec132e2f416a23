"""The report as one file: that it needs nothing else, that names are never markup, and that it sounds."""

from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
import soundfile

from varemix.errors import EvaluationError
from varemix.evaluation.report import Example, encoded, html_report

PICTURE = b"\x89PNG\r\n\x1a\n picture"
EVIL = "<script>alert(1)</script>\"><img src=x onerror=alert(2)> &amp; ' [a](http://evil.example) ![b](//evil.example)"
VOID = {"meta", "img"}


class Page(HTMLParser):
    """The elements of a page with their attributes, its text, and whether every element is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def report(**given: object) -> Page:
    parts = {"title": "Evaluation", "markdown_text": "## Separation\n\nMeans.", "figures": {}, "examples": []}
    return Page(html_report(**(parts | given)))  # type: ignore[arg-type]


@pytest.fixture
def full() -> Page:
    markdown_text = "# Evaluate\n\n## Scores of *all*\n\n| a | b |\n| --- | --- |\n| 1.00 | x |\n\n### Finer\n\n## Why"
    clips = {"the mix": b"ID3 mp3", "the violin": b"OggS ogg"}
    examples = [Example(title="best: violin", clips=clips), Example(title="worst: tuba", clips=clips)]
    return report(markdown_text=markdown_text, figures={"Presence": PICTURE, "Smoothing": PICTURE}, examples=examples)


def test_the_page_refers_to_nothing_outside_itself_and_runs_nothing(full: Page) -> None:
    for tag, attributes in full.elements:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form"}
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    assert "url(" not in full.text
    assert "@import" not in full.text
    policy = full.named("meta")[1]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert "default-src 'none'" in (policy["content"] or "")


def test_the_contents_link_to_every_section(full: Page) -> None:
    places = {attributes["id"] for _, attributes in full.elements if "id" in attributes}
    links = [attributes["href"] for attributes in full.named("a")]
    assert len(links) == 5  # three of the Markdown, figures, examples
    assert {f"#{place}" for place in places} == set(links)
    assert len(places) == 5
    assert full.text.count("Scores of") == 2
    assert len(full.named("h1")) == 1


def test_tables_scroll_by_themselves(full: Page) -> None:
    tags = [tag for tag, _ in full.elements]
    before = full.elements[tags.index("table") - 1]
    assert before == ("div", {"class": "scroll", "tabindex": "0"})
    assert "1.00" in full.text


def test_figures_lie_in_the_page_with_words_for_who_cannot_see_them(full: Page) -> None:
    assert [image["alt"] for image in full.named("img")] == ["Presence", "Smoothing"]
    assert all((image["src"] or "").startswith("data:image/png;base64,iVBORw0KGgo") for image in full.named("img"))


def test_every_clip_has_its_player_which_loads_only_when_asked_to(full: Page) -> None:
    players = full.named("audio")
    assert [player["aria-label"] for player in players] == ["the mix", "the violin"] * 2
    assert all("controls" in player and player["preload"] == "none" for player in players)
    assert [(player["src"] or "").partition(";")[0] for player in players] == ["data:audio/mpeg", "data:audio/ogg"] * 2


def test_names_are_never_markup() -> None:
    example = Example(title=EVIL, clips={EVIL: b"ID3"})
    text = f"## {EVIL}\n\n| name |\n| --- |\n| {EVIL} |\n\n[c]: http://evil.example\n\n<http://evil.example>\n\n{EVIL}"
    facts = {EVIL: EVIL, "nested": {EVIL: EVIL}}
    page = report(title=EVIL, markdown_text=text, figures={EVIL: PICTURE}, examples=[example], facts=facts)
    assert not page.named("script")
    assert [image["alt"] for image in page.named("img")] == [EVIL]
    assert all((link["href"] or "").startswith("#") for link in page.named("a"))
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert [player["aria-label"] for player in page.named("audio")] == [EVIL]
    assert page.text.count("<script>alert(1)</script>") == 13  # twice in the nested fact


def test_facts_come_first_as_people_read_them() -> None:
    page = report(facts={"checkpoint_id": "a1", "mean_nsdr_db": {"image": 2.5, "video": 3.0}})
    assert "model id" in page.text
    assert "mean nsdr [dB]" in page.text
    assert "image 2.5, video 3.0" in page.text
    assert page.text.index("model id") < page.text.index("Means.")


def test_what_there_is_nothing_of_has_no_section() -> None:
    page = report()
    assert [link["href"] for link in page.named("a")] == ["#section-0"]
    assert not page.named("figure")
    assert not page.named("table")


def test_a_name_that_is_no_text_does_not_stop_the_report() -> None:
    assert html_report("of b\udcff.wav", "b\udcff.wav", {}, []).encode()


def test_sound_is_encoded_small_and_comes_back() -> None:
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)).astype(np.float32)
    for sound in (tone, tone.astype(np.float64)):
        data = encoded(sound, 44100)
        assert len(data) < tone.size * 2 / 4
        back, rate_hz = soundfile.read(BytesIO(data))
        assert (rate_hz, back.ndim) == (44100, 1)
        assert np.abs(np.fft.rfft(back, 44100)).argmax() == 440
        assert np.std(back) == pytest.approx(np.std(tone), rel=0.05)


def test_too_loud_sound_is_clipped_not_wrapped_around() -> None:
    back, _ = soundfile.read(BytesIO(encoded(np.full(20000, 3.0), 44100)))
    assert back[5000:15000].min() > -0.1


def test_without_mp3_sound_is_ogg(monkeypatch: pytest.MonkeyPatch) -> None:
    write = soundfile.write

    def without_mp3(file: BytesIO, samples: np.ndarray, rate_hz: int, **given: str) -> None:
        if given["format"] == "MP3":
            raise soundfile.LibsndfileError(1, "no MP3: ")
        write(file, samples, rate_hz, **given)

    monkeypatch.setattr(soundfile, "write", without_mp3)
    assert encoded(np.zeros(4410), 44100).startswith(b"OggS")


def test_a_rate_that_mp3_has_not_is_ogg() -> None:
    assert encoded(np.zeros(9600), 96000).startswith(b"OggS")
    assert not encoded(np.zeros(4410), 44100).startswith(b"OggS")


def test_sound_of_two_channels_is_refused() -> None:
    with pytest.raises(EvaluationError, match=r"shape \(2, 100\) .* expected \[S\]"):
        encoded(np.zeros((2, 100)), 44100)
