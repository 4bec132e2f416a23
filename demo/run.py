"""The main job on the example: `make demo` runs it.

Serves `demo/videos` on loopback, so that downloads are real, and runs the nightly flow on `demo/library`. Results lie
under $VAREMIX_HOME, by default ./data/demo; a second run does only what is missing.
"""

import os
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DEMO = Path(__file__).parent
GAINS = ["accordion=mute", "violin=-6", "flute=+3"]


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line in the terminal for each."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class QuietServer(ThreadingHTTPServer):
    """Does not mind when a client has seen enough and hangs up."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve the videos and run the night."""
    home = Path(os.environ.setdefault("VAREMIX_HOME", "data/demo"))
    server = QuietServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(DEMO / "videos")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = {
        "--source": DEMO / "solo.csv",
        "--url-template": f"http://127.0.0.1:{server.server_port}/{{video_id}}.mp4",
        "--recipe": "tiny",
        "--pairs": 24,
        "--stills": DEMO / "pictures",
        "--library": DEMO / "library",
        "--out": home / "remixed",
    }
    arguments = [str(part) for option in options.items() for part in option]
    gains = [part for gain in GAINS for part in ("--gain", gain)]
    sys.argv = ["varemix", "nightly", *arguments, *gains]

    from flows.cli import main as varemix

    varemix()


if __name__ == "__main__":
    main()
