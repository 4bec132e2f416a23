"""`varemix` with a recipe that is over in seconds, none shipped: `python -m tests.flows.small_varemix ARGUMENTS`."""

from pathlib import Path

from flows.cli import main
from tests.middles import wait_in_the_middle
from tests.tasks.small_recipe import small
from varemix import weights
from varemix.training import recipe

if __name__ == "__main__":
    recipe.RECIPES["small"] = small
    weights.REFERENCE = Path("nowhere.safetensors")
    wait_in_the_middle()
    main()
