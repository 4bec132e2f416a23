import pytest
from hypothesis import given
from hypothesis import strategies as st

from varemix.licences import BUSINESS, SHARE_ALIKE, family, for_business, is_allowed

SPELLINGS = {
    "CC0": ["CC0", "cc0-1.0", "Creative Commons Zero", "https://creativecommons.org/publicdomain/zero/1.0/"],
    "CC BY": ["CC BY 4.0", "cc-by-3.0", "Creative Commons Attribution 4.0 International", "CC BY 3.0 US"],
    "CC BY-SA": ["CC BY-SA 3.0 (repository README)", "cc-by-sa-4.0", "Creative Commons Attribution-ShareAlike 3.0"],
    "CC BY-NC": ["CC BY-NC 3.0", "https://creativecommons.org/licenses/by-nc/3.0/", "CC Attribution-NonCommercial"],
    "MIT": ["MIT", "MIT License", "mit licence"],
    "Apache-2.0": ["Apache-2.0", "Apache License, Version 2.0", "Apache 2"],
    "BSD": ["BSD", "BSD-3-Clause", "BSD 2-Clause License"],
    "public domain": ["public domain", "Public  Domain", "PD"],
    "unstated": ["", "  ", "unstated", "Unstated"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SPELLINGS.items() for text in texts])
def test_spellings_and_versions_of_a_licence_are_one(name: str, text: str) -> None:
    assert family(text) == name
    assert family(name) == name
    assert is_allowed(text, [name])


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        *[(name, "yes") for name in BUSINESS],
        *[(name, "share alike") for name in SHARE_ALIKE],
        *[
            (text, "no")
            for text in ("unstated", "CC BY-NC 4.0", "CC BY-ND", "CC BY-NC-SA", "GPL-2", "all rights reserved")
        ],
        ("CC BY 4.0|MIT", "yes"),
        ("CC BY 4.0; CC BY-SA 4.0", "share alike"),
        ("MIT|unstated", "no"),
        ("MIT repository; origin of the sound unstated", "no"),
        ("Apache-2.0 repository", "no"),
        ("CC BY 4.0 (not for commercial use)", "no"),
        ("Medley-solos-DB (CC BY 4.0 as published; not looked at again)", "no"),
    ],
)
def test_what_is_not_plainly_a_licence_for_it_is_none(text: str, answer: str) -> None:
    assert for_business(text) == answer


def test_nothing_is_asked_where_all_is_allowed_and_nothing_stated_counts_as_unstated() -> None:
    assert is_allowed(None, None)
    assert is_allowed(None, ["unstated"])
    assert not is_allowed(None, BUSINESS)


@given(st.text(max_size=60))
def test_any_text_has_a_family_that_is_its_own(text: str) -> None:
    assert family(family(text)) == family(text)
