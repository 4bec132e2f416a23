"""The desk as people have it: the command's own process, and its page in a real browser.

Without a browser these tests are skipped, with a reason; where the environment has VAREMIX_TEST_ALL=1 they fail.
"""

import base64
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]

_PATIENCE_MS = 600_000  # for a machine that does much else
_NOT_HERE = "needs Chromium and the PyPI package playwright: apt-get install chromium; pip install playwright"

TAP = """
registerProcessor("tap", class extends AudioWorkletProcessor {
  pieces = [];
  first = null;
  constructor() {
    super();
    this.port.onmessage = () => {
      this.port.postMessage({ first: this.first, pieces: this.pieces });
      this.pieces = [];
      this.first = null;
    };
  }
  process([input]) {
    this.first ??= currentFrame;
    const channels = input.length ? input : [new Float32Array(128)];
    this.pieces.push([0, 1].map((channel) => (channels[channel] ?? channels[0]).slice()));
    return true;
  }
});
"""
"""An AudioWorklet that keeps what the graph puts out, with the frame it began at."""

_WATCH = """
window.packed = (samples) => {  // base64 of 32-bit floats, which `samples_of` reads
  const bytes = new Uint8Array(samples.buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
};
const Context = window.AudioContext;
window.AudioContext = class extends Context {
  constructor(options) { super(options); window.heard = { context: this }; }
};
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...more) {
  if (target === this.context.destination && this.context instanceof Context) {
    window.heard.output ??= this;
    window.heard.latest = this;
  }
  return connect.call(this, target, ...more);
};
for (const kind of ["input", "keydown", "click"]) {
  addEventListener(kind, () => {
    const { context } = window.heard ?? {};
    if (context) window.heard.eventFrame = Math.round(context.currentTime * context.sampleRate);
  }, true);
}
"""
"""Notes the page's audio context, the first and the latest node before its output, and the frame of the last event."""


@dataclass(kw_only=True)
class Process:
    """The desk's process; it can be killed, and started again at the same address."""

    home: Path
    library: Path
    port: int = 0
    process: "subprocess.Popen[str] | None" = None

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start the process, and wait until it says where the desk is, and is ready."""
        command = [str(Path(sys.executable).with_name("varemix")), "desk", "--no-open", "--port", str(self.port)]
        command += ["--home", str(self.home), "--library", str(self.library)]
        environment = os.environ | {"PREFECT_HOME": str(self.home / "prefect"), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
                self.port = int(found.group(1))
                httpx.get(f"{self.url}api/instruments", timeout=_PATIENCE_MS / 1000).raise_for_status()
                return
        raise AssertionError("The desk ended without saying where it is.")

    def forget_sessions(self) -> None:
        """Remove all sessions, as for somebody who comes for the first time."""
        forget_sessions(self.url)

    def kill(self) -> None:
        """End the process, if it runs."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def forget_sessions(url: str) -> None:
    """Remove all sessions of the desk at an address."""
    for recording in httpx.get(f"{url}api/recordings", timeout=_PATIENCE_MS / 500).json():
        for session in recording["sessions"]:
            httpx.delete(f"{url}api/sessions/{session['id']}", timeout=_PATIENCE_MS / 500).raise_for_status()


@contextmanager
def desk_process(home: Path, library: Path) -> Iterator[Process]:
    """Give a desk that runs."""
    desk = Process(home=home, library=library)
    try:
        desk.start()
        yield desk
    finally:
        desk.kill()


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Give the browser; skip, or fail where all tests shall run, without one."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        if os.environ.get("VAREMIX_TEST_ALL") == "1":
            pytest.fail(_NOT_HERE)
        pytest.skip(_NOT_HERE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def until(page: "Page", expression: str) -> None:
    """Wait until an expression holds on the page, which itself evaluates no text: its policy forbids that."""
    deadline = time.monotonic() + _PATIENCE_MS / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"It never came to {expression}"
        page.wait_for_timeout(50)


HEARD = ":is([data-state='stored'], [data-state='absent_seeming'])"
"""A stave whose instrument was heard to the end."""


@dataclass(kw_only=True)
class Visitor:
    """Somebody at the page, and what a developer would see in the browser's console meanwhile."""

    page: "Page"
    url: str
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, recording: str | None = None) -> None:
        """Open the page, or a recording of the library by its title."""
        self.page.goto(self.url)
        self.page.wait_for_selector(".orchestra img")
        if recording is not None:
            self.page.click(f"#recordings a:has(b:text-is('{recording}'))")
            self.page.wait_for_selector("#desk:not([hidden])")

    def drop(self, name: str, content: bytes, kind: str) -> None:
        """Drop a file on the page."""
        self.page.evaluate(
            """([name, content, type]) => {
                const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
                const dataTransfer = new DataTransfer();
                dataTransfer.items.add(new File([bytes], name, { type }));
                document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
            }""",
            [name, base64.b64encode(content).decode(), kind],
        )

    def choose(self, *targets: str) -> None:
        """Put instruments on the desk, if they are not there of themselves, and wait until they are heard."""
        for target in targets:
            if self.page.query_selector(f".stave[data-target='{target}']") is None:
                self.page.click(f".card[data-target='{target}']")
        for target in targets:
            self.page.wait_for_selector(
                f".stave[data-target='{target}']:is([data-state='stored'], [data-state='absent_seeming'])"
            )

    def move(self, target: str, gain_db: float) -> None:
        """Move a fader, as a hand does."""
        self.page.fill(f".stave[data-target='{target}'] input", f"{gain_db:g}")

    def play(self) -> None:
        """Play, and wait until there is sound."""
        self.page.click("#play-button")
        self.page.wait_for_selector("#transport[data-state='playing']")

    def play_from_start(self) -> None:
        """Play from the recording's start, whether it plays, is paused, or has come to its end."""
        self.page.click("#to-start")
        if self.page.get_attribute("#transport", "data-state") == "paused":
            self.page.click("#play-button")
        self.page.wait_for_selector("#transport[data-state='playing']")

    def tap(self, *, and_clicks: bool = False) -> None:
        """Begin to keep what the audio graph puts out, on the right the clicks alone, if they are wanted.

        Needs a browser that is lenient with the page's policy.
        """
        self.page.evaluate(
            """async ([tap, hasClicks]) => {
                const module = URL.createObjectURL(new Blob([tap], { type: "text/javascript" }));
                await heard.context.audioWorklet.addModule(module);
                heard.tap = new AudioWorkletNode(heard.context, "tap", { numberOfOutputs: 0 });
                if (!hasClicks) return void heard.output.connect(heard.tap);
                const both = new ChannelMergerNode(heard.context, { numberOfInputs: 2 });
                heard.output.connect(both, 0, 0);
                heard.latest.connect(both, 0, 1);
                both.connect(heard.tap);
            }""",
            [TAP, and_clicks],
        )

    def tapped(self) -> tuple[np.ndarray, int]:
        """Return what was put out since the tap or the last call, [2, S], and the frame it began at."""
        first, content = self.page.evaluate(
            """async () => {
                const told = new Promise((resolve) => { heard.tap.port.onmessage = ({ data }) => resolve(data); });
                heard.tap.port.postMessage("tell");
                const { first, pieces } = await told;
                const all = new Float32Array(256 * pieces.length);
                pieces.forEach((piece, at) => piece.forEach((channel, c) => all.set(channel, (2 * at + c) * 128)));
                return [first, packed(all)];
            }"""
        )
        return samples_of(content, block=128), first

    def listen(self, seconds: float) -> None:
        """Wait until the audio graph has put out so much, which on a slow machine takes longer than it lasts."""
        until_s = self.page.evaluate("heard.context.currentTime") + seconds
        until(self.page, f"heard.context.currentTime >= {until_s}")

    def event_frame(self) -> int:
        """Return the graph's frame at the moment of the last event."""
        return int(self.page.evaluate("heard.eventFrame"))


def samples_of(content: str, *, block: int) -> np.ndarray:
    """Return samples [2, S] from base64 of 32-bit floats, blocks of one channel and of the other in turn."""
    flat = np.frombuffer(base64.b64decode(content), np.float32)
    return flat.reshape(-1, 2, block).transpose(1, 0, 2).reshape(2, -1)


@contextmanager
def visitor(browser: "Browser", url: str, **settings: Any) -> Iterator[Visitor]:
    """Give somebody who looks at the desk in a browser of their own."""
    context = browser.new_context(accept_downloads=True, **settings)
    try:
        yield tab(context, url)
    finally:
        context.close()


def tab(context: Any, url: str) -> Visitor:
    """Return a new tab of a browser."""
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    someone = Visitor(page=page, url=url)
    page.add_init_script(_WATCH)
    page.on("console", lambda message: message.type == "error" and someone.console.append(message.text))
    page.on("pageerror", lambda error: someone.console.append(str(error)))
    page.on("request", lambda request: someone.requests.append(request.url))
    return someone
