"""The report of an evaluation as one file: tables, figures, and examples to listen to.

Belongs here: HTML that needs nothing but itself, and sound small enough to lie in it. Stays out: what the tables and
figures say. Names of files and instruments are not trusted: none of them is ever markup.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import Any

import numpy as np
import soundfile
from markdown_it import MarkdownIt
from markdown_it.token import Token

from varemix.errors import EvaluationError
from varemix.wording import facts_in_words

_OGG_MARK = b"OggS"
# What a name could smuggle in, and what points out of the file.
_REFUSED_MARKDOWN = ["image", "link", "autolink", "reference", "html_inline", "html_block"]
# Even if something were smuggled in, the browser would neither run nor fetch it.
_POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --ink: #1d1d1f; --quiet: #62626a; --line: #dcdce0; --ground: #fdfdfc;
  --link: #0a58a8 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e3; --quiet: #a2a2a8; --line: #3a3a40; --ground: #17171a; --link: #85b8ee }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 64rem; padding: 2.5rem 1.25rem 5rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word }
h1, h2, h3 { line-height: 1.25; text-wrap: balance }
h1 { font-size: 1.7rem; margin: 0 0 1.5rem }
h2 { font-size: 1.25rem; margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line) }
h3 { font-size: 1rem; margin: 2rem 0 .5rem }
p, li { max-width: 44rem }
a { color: var(--link) }
nav ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem }
code { font-size: .9em }
.scroll { overflow-x: auto; margin: 1rem 0 }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums }
th, td { padding: .35rem 1.25rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line) }
th { color: var(--quiet); font-weight: 600; white-space: nowrap }
figure { margin: 2rem 0 }
figure img { max-width: 100%; height: auto; background: #fff; border-radius: 6px }
figcaption { margin-bottom: .4rem; font-weight: 600 }
.clips { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); gap: 1rem }
.clips span { display: block; color: var(--quiet); font-size: .9rem }
audio { width: 100% }
"""


@dataclass(frozen=True, kw_only=True)
class Example:
    """Something to listen to: what it is, and its clips, MP3 or OGG, by what each of them is."""

    title: str
    clips: Mapping[str, bytes]


def html_report(
    title: str,
    markdown_text: str,
    figures: Mapping[str, bytes],
    examples: Sequence[Example],
    *,
    facts: Mapping[str, Any] | None = None,
) -> str:
    """Return a report as one HTML page that refers to nothing outside itself and runs nothing.

    Markdown gives the text, with its tables; HTML, links and pictures in it are shown as they are written. `figures`
    are PNG pictures by their caption. `facts` come first, as a table; a fact may itself be a mapping.
    """
    body, contents = _article(markdown_text)
    sections = [("figures", "Figures", list(map(_figure, figures, figures.values())))]
    sections.append(("examples", "Examples to listen to", [_example(example) for example in examples]))
    if facts:
        body = _facts_table(facts) + body
    for place, heading, parts in sections:
        if parts:
            contents.append((place, heading))
            body += f'<h2 id="{place}">{heading}</h2>\n' + "\n".join(parts) + "\n"
    page = _page(title, contents, body)
    return page.encode(errors="replace").decode()  # names of files may hold bytes that are no text


def encoded(samples: np.ndarray, rate_hz: int) -> bytes:
    """Return mono sound [S] as MP3, or as OGG Vorbis where the installed libsndfile writes no MP3 of this rate.

    Samples beyond -1..1 are clipped. Raises EvaluationError for sound that is not mono.
    """
    if samples.ndim != 1:
        raise EvaluationError(f"Sound of shape {samples.shape} was to be encoded; expected [S]. Choose one channel.")
    within = np.clip(samples, -1, 1)
    try:
        return _written(within, rate_hz, "MP3")
    except (soundfile.LibsndfileError, ValueError):  # libsndfile before 1.1, built without LAME, or a rate MP3 has not
        return _written(within, rate_hz, "OGG")


def _written(samples: np.ndarray, rate_hz: int, container: str) -> bytes:
    file = BytesIO()
    soundfile.write(file, samples, rate_hz, format=container)
    return file.getvalue()


def _page(title: str, contents: Sequence[tuple[str, str]], body: str) -> str:
    links = "".join(f'<li><a href="#{place}">{escape(heading)}</a></li>' for place, heading in contents)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{escape(title)}</h1>\n<nav aria-label="Contents"><ul>{links}</ul></nav>\n'
        f"<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _article(markdown_text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return Markdown as HTML, and its sections as place and heading."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(_REFUSED_MARKDOWN)
    tokens = parser.parse(markdown_text)
    contents = list(_marked_sections(tokens))
    html = parser.renderer.render(tokens, parser.options, {})
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace("</table>", "</table></div>")
    return html, contents


def _marked_sections(tokens: Sequence[Token]) -> Iterator[tuple[str, str]]:
    """Give each section a place to link to, and yield it with its heading; the page's own title is the only `h1`."""
    for number, token in enumerate(tokens):
        if token.tag == "h1":
            token.tag = "h2"
        if token.type == "heading_open" and token.tag == "h2":
            place = f"section-{number}"
            token.attrSet("id", place)
            yield place, "".join(part.content for part in tokens[number + 1].children or [])


def _facts_table(facts: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{escape(fact)}</td></tr>\n" for name, fact in facts_in_words(facts)
    )
    return f'<div class="scroll" tabindex="0"><table>\n{rows}</table></div>\n'


def _figure(caption: str, picture: bytes) -> str:
    named = escape(caption)
    data = _data_uri("image/png", picture)
    return f'<figure><figcaption>{named}</figcaption><img alt="{named}" src="{data}"></figure>'


def _example(example: Example) -> str:
    clips = "".join(
        f'<div><span>{escape(label)}</span><audio controls preload="none" aria-label="{escape(label)}" '
        f'src="{_data_uri("audio/ogg" if clip.startswith(_OGG_MARK) else "audio/mpeg", clip)}"></audio></div>\n'
        for label, clip in example.clips.items()
    )
    return f'<h3>{escape(example.title)}</h3>\n<div class="clips">{clips}</div>'


def _data_uri(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
