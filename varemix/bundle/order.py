"""What a bundle asks for: a recipe, the recordings in their order, and the facts that the checkpoint will tell."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from varemix.errors import TrainingError
from varemix.training.recipe import Recipe
from varemix.training.soundbank import Recording

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class BundleOrder:
    """A training that is carried out elsewhere.

    `packs` says how many of the recordings, which lie in one order, are in each file of sound. `is_new` says that no
    checkpoint is begun with. `facts` are the catalog's, and come back as they are.
    """

    bundle_id: str
    recipe: Recipe
    recordings: Sequence[Recording]
    packs: Sequence[int]
    is_new: bool
    facts: Mapping[str, Any]

    def as_json(self) -> str:
        """Return the order as JSON."""
        plain = [{k: v for k, v in asdict(replace(one, clip=None)).items() if k != "clip"} for one in self.recordings]
        values = {
            "version": FORMAT_VERSION,
            "bundle_id": self.bundle_id,
            "recipe": self.recipe.as_dict(),
            "recordings": plain,
            "packs": list(self.packs),
            "is_new": self.is_new,
            "facts": dict(self.facts),
        }
        return json.dumps(values)

    @classmethod
    def from_json(cls, text: str) -> "BundleOrder":
        """Return the order that `as_json` told. Raises TrainingError for other text."""
        try:
            values = json.loads(text)
            if values.pop("version") != FORMAT_VERSION:
                raise ValueError("it is of another version of varemix")
            recordings = [Recording(**one) for one in values.pop("recordings")]
            return cls(**values | {"recipe": Recipe.from_dict(values["recipe"]), "recordings": recordings})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TrainingError(f"This is no order of a bundle ({error}). Make the bundle again.") from error
