"""One retriable step each: see what is done, call the library, write atomically, return a small record.

Belongs here: the meeting of library (`varemix`) and catalog. Stays out: maths, storage, and the order of steps.

Prefect is told here, before anything imports it, to wait long enough for its embedded server and to send nothing
out, and to leave a terminal to the progress bars; linear algebra, to leave the cores to the shards; PyTorch's threads,
to sleep while they wait: spinning costs a short job more than its work. What the environment already says stands.
Memory that shards free goes back to the system, and garbage is looked for seldom, as what is loaded stays. From here on
no line of a log holds a secret.
"""

import os
import sys

from varemix.memory import give_back_what_is_freed, look_for_garbage_seldom
from varemix.redaction import watch_logs

watch_logs()
give_back_what_is_freed()
look_for_garbage_seldom()

os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "varemix,tasks,catalog")
os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")  # the same code serves without a flow
if sys.stderr is not None and sys.stderr.isatty():
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "WARNING")
