"""Licences as lists tell them: what several spellings have in common, and what a business may do with what.

Belongs here: names of licences. Stays out: which material is under which (`catalog`), and legal advice: what a list
says is taken at its word, and whoever trains for a product reads the licences themselves.
"""

import re
from collections.abc import Collection

UNSTATED = "unstated"
"""The licence of what nobody says anything of."""

BUSINESS: tuple[str, ...] = (
    *("public domain", "CC0", "CC BY", "MIT", "Apache-2.0"),
    *("BSD", "ISC", "Unlicense", "Zlib", "WTFPL", "MIT-0", "0BSD"),
)
"""The licences under which a business may sell a product that was trained on the material, some with credit given."""

SHARE_ALIKE: tuple[str, ...] = ("CC BY-SA",)
"""Those that allow it too, but may ask that what is made of the material is shared alike: for people to decide."""

_REMARK = re.compile(r"\s*\((?:see )?(?:(?:the |its )?repository(?:'s)? ?)?(?:readme|licen[cs]e|notice)?(?: file)?\)$")
_CREATIVE_COMMONS = re.compile(
    r"(?:cc|creative commons)[ -](?P<terms>by(?:[ -](?:nc|nd|sa))*)"
    r"(?:[ -]v?\d(?:\.\d)?)?(?:[ -](?:international|unported|generic|[a-z]{2}))?"
)
_CC_ADDRESS = re.compile(r"https?://creativecommons\.org/(?:licenses/(?P<terms>[a-z-]+)|publicdomain/(?P<free>\w+))/.*")
_IN_FULL = {
    r"attribution": "by",
    r"non[ -]?commercial": "nc",
    r"no[ -]?deriv(?:ative)?s?": "nd",
    r"share[ -]?alike": "sa",
}
_OTHERS = {
    r"public[ -]domain(?: mark)?(?: 1\.0)?|pd|cc[ -]pdm?(?:[ -]1\.0)?|pddl(?:-1\.0)?": "public domain",
    r"(?:cc ?0|cc[ -]zero|creative commons (?:0|zero))(?:[ -]1\.0)?(?: universal)?": "CC0",
    r"(?:the )?mit(?: licen[cs]e)?": "MIT",
    r"mit-0": "MIT-0",
    r"(?:apache|asl)(?: licen[cs]e)?,?[ -]?(?:version |v)?2(?:\.0)?(?: licen[cs]e)?": "Apache-2.0",
    r"0bsd": "0BSD",
    r"(?:new |simplified |modified )?bsd(?:[ -][234](?:[ -]clause)?)?(?: licen[cs]e)?": "BSD",
    r"isc(?: licen[cs]e)?": "ISC",
    r"(?:the )?unlicen[cs]e": "Unlicense",
    r"zlib(?: licen[cs]e)?": "Zlib",
    r"wtfpl": "WTFPL",
}


def family(licence: str | None) -> str:
    """Return one name for all spellings and versions of a licence: 'cc-by-4.0' is 'CC BY'.

    Nothing is 'unstated'. What is joined by '|' or ';' holds together: each of it has to be allowed, and its names
    come sorted and joined by ' | '. What is no licence by itself, such as 'MIT repository, origin of the sound
    unstated', stays as it is: it is nobody's promise.
    """
    text = " ".join((licence or "").split())
    if not text:
        return UNSTATED
    parts = [part.strip() for part in re.split(r"[|;](?![^(]*\))", text)]
    return " | ".join(sorted({_one(part) for part in parts if part}, key=str.casefold)) or UNSTATED


def is_allowed(licence: str | None, allowed: Collection[str] | None) -> bool:
    """Return whether a licence is among those that are allowed, in any spelling; None allows all."""
    if allowed is None:
        return True
    families = {family(name) for name in allowed}
    return all(part in families for part in family(licence).split(" | "))


def for_business(licence: str | None) -> str:
    """Return 'yes', 'share alike' or 'no': whether a business may sell what was trained on it; no if unknown."""
    if is_allowed(licence, BUSINESS):
        return "yes"
    return "share alike" if is_allowed(licence, BUSINESS + SHARE_ALIKE) else "no"


def _one(text: str) -> str:
    plain = _REMARK.sub("", text.casefold()).replace("®", "")
    address = _CC_ADDRESS.fullmatch(plain)
    if address:
        free = {"zero": "CC0", "mark": "public domain"}
        return free.get(address["free"], text) if address["free"] else _creative_commons(address["terms"])
    for pattern, short in _IN_FULL.items():
        plain = re.sub(pattern, short, plain)
    if match := _CREATIVE_COMMONS.fullmatch(plain):
        return _creative_commons(match["terms"])
    if plain == UNSTATED:
        return UNSTATED
    return next((name for pattern, name in _OTHERS.items() if re.fullmatch(pattern, plain)), text)


def _creative_commons(terms: str) -> str:
    return "CC " + "-".join(re.split(r"[ -]", terms)).upper()
