"""What the tests of the library share."""

import pytest

from tests.grids import GRIDS
from varemix.signal.grid import Grid


@pytest.fixture(params=GRIDS.values(), ids=GRIDS)
def grid(request: pytest.FixtureRequest) -> Grid:
    """Return one grid after the other: a test that asks for it promises something of any grid."""
    chosen: Grid = request.param
    return chosen
