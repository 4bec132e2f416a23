"""The remix desk: a page in the browser where a person hears a remix while moving a slider, and its server.

Belongs here: what goes over HTTP and who may ask for it, jobs that hear and cut while somebody waits, the page. Stays
out: how masks, remixes and files are made (`tasks`, `varemix`): what the desk plays is what a night would render.

`desk.app` starts at once and needs no network to be loaded; what does is behind `desk.studio`.
"""

from pathlib import Path

PAGE = Path(__file__).parent / "page"
"""The page's own files."""
