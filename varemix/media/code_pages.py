"""Text in files that do not say, or not truly, how it is encoded: bytes in, text out.

Belongs here: which code page such bytes are of. What a file declares counts; else UTF-8 where the bytes are that; else
the single-byte page in which most of all words read like words of a language, or, where not all do, a page of East Asia
in which they are common (`wide_pages`). Stays out: where in files text stands (`tags`, `tag_families`).
"""

import codecs
import re
from collections.abc import Iterable, Mapping, Sequence

from varemix.media.wide_pages import WIDE_PAGES, likely_wide_page

_LATIN = "abcdefghijklmnopqrstuvwxyz"
_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
# Languages by the letters that they write words with; those of western Europe first, as their page is the usual one.
_WESTERN = (
    "äöüß",  # German
    "éèêëàâçîïôûùüœæÿ",  # French
    "áéíóúüñçïàèò",  # Spanish, Catalan
    "àèéìíîòóùú",  # Italian
    "áàâãçéêíóôõúü",  # Portuguese
    "åäöéü",  # Swedish, Finnish
    "æøåéèêóòâôü",  # Danish, Norwegian
    "áðéíóúýþæö",  # Icelandic
    "éëïóöüèáíú",  # Dutch
)
_CENTRAL = (
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "ąćęłńóśźż",  # Polish
    "áéíóöőúüű",  # Hungarian
    "čćđšž",  # Croatian, Slovene
    "ăâîşţ",  # Romanian
)
_TURKISH = ("çğıöşüâîû",)
_BALTIC = ("āčēģīķļņšūž", "ąčęėįšųūž", "äõöüšž")  # Latvian, Lithuanian, Estonian
_LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "cp1252": tuple(_LATIN + letters for letters in _WESTERN),
    "cp1250": tuple(_LATIN + letters for letters in _CENTRAL),
    "cp1254": tuple(_LATIN + letters for letters in _TURKISH),
    "cp1257": tuple(_LATIN + letters for letters in _BALTIC),
    "cp1251": (_CYRILLIC + "ё", _CYRILLIC + "іїєґ", _CYRILLIC + "ђјљњћџ", _CYRILLIC + "ўі"),
    "koi8_r": (_CYRILLIC + "ё",),
    "cp866": (_CYRILLIC + "ё",),
    "mac_cyrillic": (_CYRILLIC + "ё",),
    "cp1253": ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",),
    "iso8859_2": tuple(_LATIN + letters for letters in _CENTRAL),
    "mac_roman": tuple(_LATIN + letters for letters in _WESTERN),
    "cp850": tuple(_LATIN + letters for letters in _WESTERN),
}
_USUAL = "cp1252"
_USUAL_SIGNS = "–—‘’“”„«»…°´·¡¿№&©®\xa0"
_STRANGE = 4  # so many letters weigh as much as a sign that no name holds
_WORD = re.compile(r"[^\W\d_]+")
_LAST_ASCII = 0x7F
_CUT_END = 4  # a field of fixed length may end within a character


def decoded(texts: Mapping[str, bytes], *, declared: str | None = None) -> dict[str, str]:
    """Return the texts of one file by their names, decoded.

    What is valid in the encoding that is `declared` is read so, and what is valid UTF-8 so; all that is neither is of
    one page, that in which most of its words are spelt like words.
    """
    read = {name: _declared_text(content, declared) for name, content in texts.items()}
    unread = [texts[name] for name, text in read.items() if text is None]
    page = likely_page(unread) if unread else _USUAL
    return {name: _in_page(texts[name], page) if text is None else text for name, text in read.items()}


def likely_page(texts: Iterable[bytes]) -> str:
    """Return Python's name of the page in which texts that are no UTF-8 read most like words."""
    content = b"\n".join(texts)
    likenesses = {page: _likeness(content, page) for page in _LANGUAGES}
    best = max(likenesses, key=lambda page: likenesses[page])  # the first of equals
    num_beyond_ascii = sum(byte > _LAST_ASCII for byte in content)
    wide = likely_wide_page(content) if likenesses[best][0] < num_beyond_ascii else None
    return wide or (best if likenesses[best][0] > 0 else _USUAL)


def windows_page(number: int) -> str | None:
    """Return Python's name of a code page of Windows by its number; None for one that is not known."""
    for name in (f"cp{number}", {10000: "mac_roman", 10007: "mac_cyrillic", 28591: "latin_1"}.get(number, "")):
        try:
            return codecs.lookup(name).name
        except LookupError:
            continue
    return None


def _declared_text(content: bytes, declared: str | None) -> str | None:
    for encoding in (declared, "utf-8"):
        if encoding is None:
            continue
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            # Valid but for its last character, with others before that are no ASCII.
            is_cut = error.end == len(content) and 0 < len(content) - error.start < _CUT_END
            if encoding == "utf-8" and is_cut and not content[: error.start].isascii():
                return content[: error.start].decode()
    return None


def _in_page(content: bytes, page: str) -> str:
    try:
        return content.decode(page)
    except UnicodeDecodeError as error:
        is_cut = page in WIDE_PAGES and error.start == len(content) - 1
        return content[:-1].decode(page) if is_cut else content.decode("latin_1")  # in which every byte is something


def _likeness(content: bytes, page: str) -> tuple[int, int]:
    """Count the letters of words beyond ASCII that are spelt as in one language, less what is strange in it.

    The second number counts those of several languages together, and decides between equals.
    """
    try:
        text = content.decode(page)
    except UnicodeDecodeError:
        return -len(content), 0
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    cased = [word.lower() for word in words if _is_cased(word)]
    strange = sum(not (c.isascii() or c.isalpha() or c in _USUAL_SIGNS) for c in text)
    in_one = max(_num_letters(cased, [letters]) for letters in _LANGUAGES[page])
    return 2 * in_one - sum(map(len, words)) - _STRANGE * strange, _num_letters(cased, _LANGUAGES[page])


def _num_letters(words: Sequence[str], languages: Sequence[str]) -> int:
    return sum(len(word) for word in words if any(set(word) <= set(letters) for letters in languages))


def _is_cased(word: str) -> bool:
    return word.islower() or word.isupper() or word[1:].islower()
