"""Which separators a host has: its own settings say so, and packages; nothing else can bring one."""

import pytest

from varemix.errors import SeparatorError, UsageError
from varemix.separators import installed
from varemix.separators.installed import installed_separators, separator, settings_file


@pytest.fixture
def settings(tmp_path, monkeypatch):
    path = tmp_path / "separators.yaml"
    monkeypatch.setenv("VAREMIX_SEPARATORS", str(path))
    return path


def test_settings_lie_where_the_environment_says_else_in_the_hosts_configuration():
    assert str(settings_file({"VAREMIX_SEPARATORS": "/x/y.yaml"})) == "/x/y.yaml"
    assert str(settings_file({"XDG_CONFIG_HOME": "/conf"})) == "/conf/varemix/separators.yaml"
    assert settings_file({}).parts[-3:] == (".config", "varemix", "separators.yaml")


def test_a_separator_of_the_settings_is_set_up_once(settings):
    settings.write_text("spleet: {kind: command, command: 'p {input} {output}', stems: {v.wav: voice}}\n")
    assert list(installed_separators()) == ["spleet"]
    assert separator("spleet") is separator("spleet")
    assert separator("spleet").instruments == ("voice",)
    settings.write_text("spleet: {kind: command, command: 'p {input} {output}', stems: {v.wav: piano}}\n")
    assert separator("spleet").instruments == ("piano",)


def test_a_name_that_the_host_does_not_have_is_told_with_those_it_has(settings):
    settings.write_text("spleet: {kind: command, command: 'p {input} {output}', stems: {v.wav: voice}}\n")
    with pytest.raises(UsageError, match=r"no separator 'rm -rf' on this host; there is spleet"):
        separator("rm -rf")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1]", "no list of separators by name"),
        ("a: 3", "has no settings"),
        ("a: {", "cannot be read"),
        ("a: {kind: command, version: 2026-06-31}", "cannot be read: day is out of range"),
        ("[" * 5_000, "cannot be read"),
        ("varemix: {kind: command}", "as our own network is"),
        ("!!python/object/apply:os.system ['x']", "cannot be read"),
    ],
)
def test_settings_that_cannot_be_are_told_with_their_file(settings, text, reason):
    settings.write_text(text)
    with pytest.raises(SeparatorError, match=reason):
        installed_separators()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: {kind: magic}", "there is no kind 'magic'; it is one of demucs, command"),
        ("a: {kind: command, stems: {}}", "'command' is missing"),
        ("demucs: {weights: /nowhere/w.th}", "Pickles are not opened|pip install 'varemix"),
    ],
)
def test_one_that_cannot_be_set_up_says_why_and_leaves_the_others(settings, text, reason):
    settings.write_text(text + "\nb: {kind: command, command: 'p {input} {output}', stems: {v.wav: voice}}\n")
    with pytest.raises(SeparatorError, match=reason):
        separator(next(iter(installed_separators())))
    assert separator("b").instruments == ("voice",)


def test_a_file_that_was_named_and_is_not_there_is_told(settings):
    with pytest.raises(SeparatorError, match="which is not there"):
        installed_separators()


def test_a_package_that_breaks_while_it_is_set_up_is_told(settings, monkeypatch):
    monkeypatch.setitem(installed._OWN, "broken", f"{__name__}:broken")
    settings.write_text("mine: {kind: broken}\n")
    with pytest.raises(SeparatorError, match=r"'mine' cannot be set up \(ZeroDivisionError: division by zero\)"):
        separator("mine")


def broken(settings):
    return 1 / len(settings)
