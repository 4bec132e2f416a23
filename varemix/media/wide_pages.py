"""Text of East Asia in files that do not say how it is encoded: which page of two bytes a character it is of.

A page is told by where the characters lie that people write: each standard has its common ones together, in front, and
what is of another page lies elsewhere in it. Stays out: pages of one byte a character (`code_pages`).
"""

from collections.abc import Callable, Iterator, Mapping

_KANA, _HANGUL = (0x3041, 0x30FF), (0xAC00, 0xD7A4)
_SIGNS = (0x3000, 0x3020)
_FULL_WIDTH = (0xFF01, 0xFF5F)
_LEAST_SHARE = 0.9
_UNUSUAL = -1.0


def _gb(lead: int, trail: int) -> bool:
    return 0xB0 <= lead <= 0xD7 and trail >= 0xA1  # GB 2312, level 1


def _big5(lead: int, trail: int) -> bool:
    return 0xA4 <= lead <= 0xC6  # the frequent characters of Big5


def _ks(lead: int, trail: int) -> bool:
    return 0xB0 <= lead <= 0xC8 and trail >= 0xA1  # the syllables of KS X 1001


def _jis(lead: int, trail: int) -> bool:
    return 0xB0 <= lead <= 0xCF and trail >= 0xA1  # JIS X 0208, level 1


def _shift_jis(lead: int, trail: int) -> bool:
    return 0x88 <= lead <= 0x98


# Of equals the first: Korean hardly ever looks Chinese, but Chinese of few words may look Korean.
_COMMON: Mapping[str, Callable[[int, int], bool]] = {
    "euc_jp": _jis,
    "cp949": _ks,
    "gb18030": _gb,
    "cp932": _shift_jis,
    "big5": _big5,
}
WIDE_PAGES = tuple(_COMMON)
_WITH_KANA = ("euc_jp", "cp932")


def likely_wide_page(content: bytes) -> str | None:
    """Return Python's name of the page in which nearly all that is no ASCII is common; None where there is none."""
    shares = {page: _common_share(content, page) for page in _COMMON}
    best = max(shares, key=lambda page: shares[page])
    return best if shares[best] >= _LEAST_SHARE else None


def _common_share(content: bytes, page: str) -> float:
    """Return how common the characters beyond ASCII are in a page, 1 at most."""
    try:
        text = "".join(_line(line, page) for line in content.split(b"\n"))
    except UnicodeDecodeError:
        return _UNUSUAL
    wide = [character for character in text if not character.isascii()]
    weights = list(_weights(wide, page))
    if page == "euc_jp" and not any(_lies(character, _KANA) for character in wide):
        return _UNUSUAL  # Japanese without kana is rarer than Chinese
    if page == "big5" and all(character.encode(page)[-1] >= 0xA1 for character in wide):
        return _UNUSUAL  # two fifths of what Big5 writes end in an ASCII byte
    return sum(weights) / len(weights) if weights else _UNUSUAL


def _line(line: bytes, page: str) -> str:
    """Return the text of a line, which may be a field of fixed length that ends within a character."""
    try:
        return line.decode(page)
    except UnicodeDecodeError as error:
        if error.start != len(line) - 1:
            raise
        return line[:-1].decode(page)


def _weights(characters: list[str], page: str) -> Iterator[float]:
    for character in characters:
        code = character.encode(page)
        if _lies(character, _SIGNS) or _lies(character, _FULL_WIDTH):
            continue
        if _lies(character, _KANA):
            yield 1.0 if page in _WITH_KANA else _UNUSUAL
        elif len(code) != 2 or (page == "cp949") != _lies(character, _HANGUL):
            yield _UNUSUAL
        else:
            yield 1.0 if _COMMON[page](code[0], code[1]) else 0.0


def _lies(character: str, span: tuple[int, int]) -> bool:
    return span[0] <= ord(character) < span[1]
