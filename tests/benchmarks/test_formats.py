import pytest

from benchmarks.formats import PAGE, page


@pytest.mark.slow
def test_the_page_of_formats_says_what_really_happens() -> None:
    assert page() == PAGE.read_text(), "run `make formats`, and look at what changed"
