import pyarrow as pa
import pytest

from catalog.tables import TABLES, Table

each_table = pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))


@each_table
def test_every_column_has_a_description_and_a_unit(table: Table) -> None:
    for field in table.schema:
        assert field.metadata is not None, field.name
        assert field.metadata[b"description"], field.name
        assert b"unit" in field.metadata, field.name


@each_table
def test_the_unit_in_a_name_is_the_unit_of_the_column(table: Table) -> None:
    endings = {
        "_s": [b"s"],
        "seconds": [b"s"],
        "_ns": [b"ns"],
        "_hz": [b"Hz"],
        "_db": [b"dB", b"dBFS"],
        "_lufs": [b"LUFS"],
        "_bytes": [b"B"],
    }
    for field in table.schema:
        unit = (field.metadata or {})[b"unit"]
        for ending, units in endings.items():
            if field.name.endswith(ending):
                assert unit in units, field.name


@each_table
def test_every_row_has_a_key_and_the_time_of_its_writing(table: Table) -> None:
    assert {table.key, "updated_at"} <= table.required
    assert table.schema.field("updated_at").type == pa.timestamp("us", tz="UTC")
    assert table.schema.field(table.key).type == pa.string()


@each_table
def test_a_row_can_say_why(table: Table) -> None:
    assert table.schema.field("reason").nullable


def test_the_same_column_has_the_same_type_in_every_table() -> None:
    types: dict[str, set[str]] = {}
    for table in TABLES.values():
        for field in table.schema:
            types.setdefault(field.name, set()).add(str(field.type))
    assert {name: found for name, found in types.items() if len(found) > 1} == {}


def test_statuses_are_those_of_the_work() -> None:
    assert TABLES["videos"].choices("status") == ("ready", "unavailable", "failed")
    assert TABLES["remixes"].choices("status") == ("remixed", "unchanged", "failed")
    assert TABLES["checkpoints"].choices("stage") == ("candidate", "champion", "retired", "shipped")
    assert TABLES["videos"].choices("reason") == ()
