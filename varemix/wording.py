"""How facts and tables are written for people, whatever they are about. Loads nothing: every command says something."""

from collections.abc import Mapping, Sequence
from typing import Any


def facts_in_words(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return facts as a person reads them, name and value; of a record, its entries side by side."""
    return [(_words(name), _in_one_cell(fact)) for name, fact in facts.items()]


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells, the first of them the header, as a Markdown table."""
    header, *body = [[" ".join(cell.replace("|", "\\|").splitlines()) for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _words(name: str) -> str:
    return name.replace("_db", " [dB]").replace("checkpoint", "model").replace("_", " ")


def _in_one_cell(fact: object) -> str:
    if isinstance(fact, Mapping):
        return ", ".join(f"{_words(str(name))} {entry}" for name, entry in fact.items())
    return str(fact)
