"""What runs, in which order: one Prefect flow a module, each read like a table of contents, and the command line.

Belongs here: the order of steps, how many at once, what a person sees of a run. Stays out: everything else.
"""

import tasks  # noqa: F401 - it tells Prefect its settings, which must come before Prefect is imported
