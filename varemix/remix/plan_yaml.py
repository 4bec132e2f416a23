"""Plans as files that people write: read with every mistake named, and written to be read.

The file is YAML with the numbers and truth values of YAML 1.2: `no` and `off` are texts, `6` and `1e3` are numbers.
Nothing in a file can run, and no file however written takes much memory. Stays out: what a plan means (`plan`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from varemix.errors import UsageError
from varemix.remix.plan import RemixPlan
from varemix.remix.rules import TAGS

MAX_PLAN_BYTES = 1_000_000
_MAX_DEPTH = 12
_MAX_ALIASES = 100
_MAX_VALUES = 100_000
_MAX_SHOWN = 60
_MAX_MISTAKES = 20
_TAG = "tag:yaml.org,2002:"
# The core schema of YAML 1.2.2, section 10.3.2, without octal and hexadecimal numbers: kind, form, first characters.
_PLAIN_VALUES = [
    ("null", r"(?:~|null|Null|NULL|)", ["~", "n", "N", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(?:(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)", list("-+.0123456789")),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", list("-+.")),
]

_Place = tuple[str | int, ...]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads YAML; libyaml where it is there."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - filled below


class _Dumper(yaml.SafeDumper):
    """Writes YAML that `_Loader` reads as it was, and other readers too: what any takes for a number is quoted."""


def _written_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Write a text that holds line ends of YAML's own kinds with escapes, or they would be read as blanks."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if _ODD_LINE_ENDS & set(text) else None)


_ODD_LINE_ENDS = frozenset("\x85\u2028\u2029")
_Dumper.add_representer(str, _written_text)

for _kind, _form, _firsts in _PLAIN_VALUES:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(_TAG + _kind, re.compile(f"(?:{_form})$"), _firsts)


def load_plan(path: Path) -> RemixPlan:
    """Return the plan in a YAML file.

    Raises UsageError, which names file, line and key of every mistake, what was found, and what is allowed; and when
    the file cannot be read, is no UTF-8 text, or is larger than 1 MB.
    """
    return parse_plan(_text_of(path), path.name)


def parse_plan(text: str, name: str) -> RemixPlan:
    """Return the plan in a YAML text; `name` is what messages call it. Errors are those of `load_plan`."""
    document = _Document(name)
    values = document.read(text)
    try:
        plan = RemixPlan.model_validate(values)
    except ValidationError as error:
        document.add_mistakes(error)
    document.check()
    return plan


def dump_plan(plan: RemixPlan) -> str:
    """Return the plan as YAML that a person can read, without what is by default; it loads back equal."""
    values = _readable(plan.model_dump(exclude_defaults=True, exclude_none=True))
    return str(yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))


def _readable(value: Any) -> Any:
    """Return plain values, -6 instead of -6.0."""
    if isinstance(value, dict):
        return {key: _readable(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text_of(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"'{path}' is no file; give the path of a plan, such as remix.yaml.")
        with path.open("rb") as file:
            content = file.read(MAX_PLAN_BYTES + 1)
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}. Give the path of a plan.") from error
    if len(content) > MAX_PLAN_BYTES:
        raise UsageError(f"'{path.name}' is larger than 1 MB, which no plan is. Give the path of a plan.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"'{path.name}', line {line}: is no UTF-8 text. Save the file as UTF-8.") from error


@dataclass
class _Document:
    """A plan as it is written: where each key stands, how each value reads, and what is wrong."""

    name: str
    lines: dict[_Place, int] = field(default_factory=lambda: {(): 1})
    shown: dict[_Place, str] = field(default_factory=dict)
    mistakes: list[tuple[int, str]] = field(default_factory=list)
    tagged: set[_Place] = field(default_factory=set)

    def read(self, text: str) -> Any:
        """Return the values in the text. Raises UsageError when it is no YAML, or too deep, too big, or empty."""
        try:
            self._check_events(text)
            node = yaml.compose(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = " ".join(part for part in (error.context, error.problem) if part)
            raise self._refusal(mark, f"is no YAML: {problem}. Mend or quote what stands there.") from error
        except yaml.YAMLError as error:  # characters that YAML does not have
            raise self._refusal(None, f"is no YAML: {str(error).splitlines()[0]}. Mend or quote it.") from error
        if node is None:
            raise self._refusal(None, "holds nothing; write for example `gains: {violin: -6}`.")
        return self._value(node, ())

    def check(self) -> None:
        """Raise UsageError when there are mistakes, all in one message."""
        found = sorted(set(self.mistakes))
        if not found:
            return
        if len(found) == 1:
            raise UsageError(f"'{self.name}', line {found[0][0]}: {found[0][1]}")
        lines = [f"  line {line}: {text}" for line, text in found[:_MAX_MISTAKES]]
        more = [f"  and {len(found) - _MAX_MISTAKES} more"] if len(found) > _MAX_MISTAKES else []
        raise UsageError("\n".join([f"'{self.name}' has {len(found)} mistakes:", *lines, *more]))

    def add_mistakes(self, error: ValidationError) -> None:
        """Add what does not fit a plan."""
        schema = RemixPlan.model_json_schema()
        for fault in error.errors(include_url=False):
            place = tuple(part for part in fault["loc"] if part != "[key]")
            if place in self.tagged:
                continue
            known = _known(place, self.lines)
            text = self._explained(fault, place, _schema_at(schema, place))
            self.mistakes.append((self.lines[known], text))

    def _explained(self, fault: Any, place: _Place, schema: dict[str, Any]) -> str:
        title = _title(place)
        found = self.shown.get(place, f"'{str(fault['input'])[:_MAX_SHOWN]}'")  # no place: by a former name
        if fault["type"] == "extra_forbidden":
            return _unknown_key(place, _schema_at(RemixPlan.model_json_schema(), place[:-1]))
        if fault["type"] == "missing":
            return f"{title} is missing; give {_expected(schema)}."
        if fault["type"] == "value_error" and ("properties" in schema or _is_of_gain_list(place, fault["input"])):
            return f"{title}: {fault['ctx']['error']}" if place else str(fault["ctx"]["error"])
        if fault["type"] in ("too_long", "too_short"):
            limits = fault["ctx"].get("max_length"), fault["ctx"].get("min_length")
            return f"{title} has {fault['ctx']['actual_length']} entries; give " + (
                f"at most {limits[0]}." if limits[0] is not None else f"at least {limits[1]}, or leave it out."
            )
        if fault["type"] in ("string_too_long", "string_too_short"):
            length = len(str(fault["input"]))
            return f"{title} is a text of {length} characters; give one that says something and is short."
        return f"{title} is {found}; give {_expected(schema)}."

    def _check_events(self, text: str) -> None:
        """Refuse what would be costly to hold, before it is built."""
        depth = num_aliases = 0
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            num_aliases += isinstance(event, yaml.AliasEvent)
            if depth > _MAX_DEPTH:
                raise self._refusal(event.start_mark, f"is nested more than {_MAX_DEPTH} deep, which no plan is.")
            if num_aliases > _MAX_ALIASES:
                raise self._refusal(event.start_mark, f"has more than {_MAX_ALIASES} aliases. Write the values out.")

    def _value(self, node: yaml.Node, place: _Place) -> Any:
        """Return the values of a node, and keep where they stand."""
        if len(self.shown) > _MAX_VALUES or len(place) > _MAX_DEPTH:
            raise self._refusal(node.start_mark, "holds more than any plan does, aliases written out. Write less.")
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            self.shown[place] = _shortened(f"'{node.value}'") if node.tag != _TAG + "null" else "nothing"
            return self._scalar(node, place)
        if isinstance(node, yaml.SequenceNode):
            self._check_tag(node, place, "seq")
            self.shown[place] = "a list"
            return [self._value(part, (*place, i)) for i, part in enumerate(node.value)]
        self._check_tag(node, place, "map")
        self.shown[place] = "entries"
        values = {}
        for key_node, value_node in node.value:
            key = key_node.value
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.mistakes.append((line, "a key is a list or a mapping; give a name."))
                continue
            if key in values:
                self.mistakes.append((line, f"{_title((*place, key))} is given twice; take one of them out."))
                continue
            self.lines[*place, key] = line
            values[key] = self._value(value_node, (*place, key))
        return values

    def _scalar(self, node: yaml.ScalarNode, place: _Place) -> Any:
        text = str(node.value)
        kind = node.tag.removeprefix(_TAG)
        if kind in ("int", "float") and not _is_text(place):
            return _number(text)
        if kind == "bool" and not _is_text(place):
            return text.lower() == "true"
        if kind == "null":
            return None
        self._check_tag(node, place, "str", "int", "float", "bool")
        return text

    def _check_tag(self, node: yaml.Node, place: _Place, *kinds: str) -> None:
        if node.tag.removeprefix(_TAG) not in kinds:
            self.tagged.add(place)
            tag = _shortened(node.tag.replace(_TAG, "!!"))
            self.mistakes.append((node.start_mark.line + 1, f"{_title(place)} has the tag {tag}; take the tag out."))

    def _refusal(self, mark: Any, text: str) -> UsageError:
        line = f", line {mark.line + 1}" if mark is not None else ""
        return UsageError(f"'{self.name}'{line}: {text}")


def _number(text: str) -> float | str:
    """Return the number of a scalar; the text where an explicit tag claims what it is not."""
    try:
        return float(text.replace(".inf", "inf").replace(".nan", "nan") if text[-1:].isalpha() else text)
    except ValueError:
        return text


def _is_text(place: _Place) -> bool:
    """Return whether what stands there is a text, also if it looks like a number: `date: 1999`, `track: 01`."""
    return place[:1] == ("rules",) and (
        place[2:] == ("name",)
        or (place[2:3] == ("match",) and place[3:] in {(key,) for key in (*TAGS, "file", "folder")})
    )


def _is_of_gain_list(place: _Place, found: object) -> bool:
    """Return whether a place is a list of gains in time, or one of the times in it, whose errors say what is wrong."""
    return "gains" in place and (isinstance(found, list) or place[-1] in ("from", "to"))


def _known(place: _Place, lines: dict[_Place, int]) -> _Place:
    """Return the innermost part of a place that stands in the file."""
    while place not in lines:
        place = place[:-1]
    return place


def _title(place: _Place) -> str:
    """Return how a person calls a place: `rule 2: match.genre`."""
    if place[:1] == ("rules",) and len(place) > 1:
        inner = _dotted(place[2:])
        return f"rule {int(place[1]) + 1}" + (f": {inner}" if inner else "")
    return _shortened(_dotted(place)) or "the file"


def _dotted(place: _Place) -> str:
    """Return the keys that lead to a place, of a list's entry its number from 1: `gains.violin, entry 2: from`."""
    text = ""
    for part in place:
        text += f", entry {part + 1}:" if isinstance(part, int) else f" {part}" if text[-1:] == ":" else f".{part}"
    return text.removeprefix(".").removesuffix(":")


def _unknown_key(place: _Place, schema: dict[str, Any]) -> str:
    key, known = str(place[-1]), list(schema.get("properties", {}))
    close = get_close_matches(key.lower(), known, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"{_title(place)} is no known key.{hint} Known are {', '.join(known)}."


def _schema_at(schema: dict[str, Any], place: _Place) -> dict[str, Any]:
    """Return the JSON schema of what stands at a place of a plan; empty where nothing may stand."""
    definitions = schema.get("$defs", {})
    part = schema
    for step in place:
        properties = part.get("properties", {})
        inner = _items(part) if isinstance(step, int) else properties.get(step, part.get("additionalProperties"))
        part = _resolved(inner or {}, definitions)
    return part


def _items(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list's entries, also where a list is one of several choices."""
    choices = [schema, *schema.get("anyOf", ())]
    return next((choice["items"] for choice in choices if "items" in choice), {})


def _resolved(part: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without reference and without the choice of null."""
    if not isinstance(part, dict):
        return {}
    if "$ref" in part:
        return dict(definitions[part["$ref"].rpartition("/")[2]])
    choices = [choice for choice in part.get("anyOf", ()) if choice.get("type") != "null"]
    return _resolved(choices[0], definitions) if len(choices) == 1 else part


def _expected(schema: dict[str, Any]) -> str:
    """Return what a schema allows, in words."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if choices:
        return " or ".join(_expected(choice) for choice in choices)
    if "enum" in schema or "const" in schema:
        return _listed(schema.get("enum") or [schema["const"]])
    kinds = {
        "boolean": "true or false",
        "string": "a text, in quotes if need be",
        "array": "a list, each entry after a hyphen",
        "object": "entries of the form `name: value`",
    }
    return _expected_number(schema) if schema.get("type") == "number" else kinds.get(schema.get("type", ""), "another")


def _expected_number(schema: dict[str, Any]) -> str:
    lowest, highest, below = (schema.get(key) for key in ("minimum", "maximum", "exclusiveMaximum"))
    start = "a number" if lowest is None else f"a number from {lowest:g}"
    end = "" if highest is None else f" up to {highest:g}" if lowest is None else f" to {highest:g}"
    return start + end + ("" if below is None else f" to less than {below:g}")


def _listed(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
