"""The notice: where every clip, picture and mix comes from, who made it and under which licence."""

from demo.clips import Clip
from demo.library import MIXES
from demo.pictures import LOOKS
from demo.tunes import SOURCES

_HEAD = """# Where the demo comes from

Everything in this folder may be used, changed and passed on by anyone. The program `make_demo.py` made all of it: no
recording and no photograph of anyone is in it.

- **Tunes**: in the public domain, written down as notes in `tunes.py`; the arrangements are the program's own.
- **Sound**: rendered from the sound font FluidR3 GM by Frank Wen (MIT licence, in full below).
- **The erhu**: synthesised by a physical model (`erhu.py`: a bowed string as a digital waveguide, a drum of
  resonances); not a recording, and no sound font is used for it. Expect it to sound like a bowed string with a nasal,
  sliding voice, not like a master's instrument.
- **Pictures**: drawn by the program (`draw_strings.py`, `draw_winds.py`, `draw_boxes.py`, `pictures.py`); no picture
  of anyone else's is used.

The clips, pictures and mixes are released under the project's own licence, MIT; what FluidR3's licence asks is met by
the text at the end.
"""

_FLUID = """## FluidR3 GM

Copyright © 2000-2002, 2008 Frank Wen <getfrank@gmail.com>
Copyright © 2008 Toby Smithe

"Fluid was constructed in part from samples found in the public domain that I edited/cleaned/remixed/programmed and
largely from recordings of my own and in conjunction with the people below who helped along the way: Suren M. Seron,
Scott Hanan, Steve Aupperle, Chris Gillman, Alex Taubr, Chris Prola, Andrew Klenk, Winfried Hubbe, Dylan, Tim, Gort,
Uros Katic, Ethan Winer (http://www.ethanwiner.com)"

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def notice(clips: list[Clip]) -> str:
    """The text of NOTICE.md for these clips and the library."""
    rows = [
        f"| `videos/{clip.video_id}.mp4` | {_tune(clip.tune)} | {_sound_of([clip.instrument])} | "
        f"drawing {clip.picture_number + 1} of {len(LOOKS[clip.instrument])} | MIT |"
        for clip in clips
    ]
    rows += [
        f"| `pictures/{name}_{k}.jpg` | | | drawing {k + 3} of {len(LOOKS[name])} | MIT |"
        for name in LOOKS
        for k in (1, 2)
    ]
    rows += [
        f"| `library/{mix.file}` | {_tune(mix.tune)} | {_sound_of([p.instrument for p in mix.parts])} | | MIT |"
        for mix in MIXES
    ]
    table = "| file | tune (public domain) | sound | picture | licence |\n| --- | --- | --- | --- | --- |\n"
    return f"{_HEAD}\n## File by file\n\n{table}" + "\n".join(rows) + f"\n\n{_FLUID}"


def _tune(name: str) -> str:
    return f"{name.replace('_', ' ')}: {SOURCES[name]}"


def _sound_of(instruments: list[str]) -> str:
    fonts = [i.replace("_", " ") for i in instruments if i != "erhu"]
    parts = [f"FluidR3 GM ({', '.join(fonts)})"] if fonts else []
    if "erhu" in instruments:
        parts.append("physical model (erhu)")
    return "; ".join(parts)
