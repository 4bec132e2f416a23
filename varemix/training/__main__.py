"""Carry out an order to train, alone or as one of the processes that torchrun started.

    python -m varemix.training order.json
    torchrun --nproc-per-node 2 -m varemix.training order.json

The order is what `varemix.training.launch.Order.as_json` writes. Steps are told on standard output, a line each.
"""

import sys
from pathlib import Path

from varemix.errors import VaremixError
from varemix.training.launch import WHILE_HELD, Order, carry_out, end_with_caller


def main(arguments: list[str]) -> None:
    """Train as the file says that is named last."""
    if WHILE_HELD in arguments:
        end_with_caller()
    try:
        carry_out(Order.from_json(Path(arguments[-1]).read_text()))
    except (VaremixError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
