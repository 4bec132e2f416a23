"""`varemix` with a recipe that is over in seconds: `python -m tests.flows.small_varemix ARGUMENTS`."""

from flows.cli import main
from tests.tasks.small_recipe import small
from varemix.training import recipe

if __name__ == "__main__":
    recipe.RECIPES["small"] = small
    main()
