"""A headless Chromium, spoken to in its DevTools protocol over a pair of pipes: no other package is needed."""

import base64
import io
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
from PIL import Image

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--remote-debugging-pipe",
    "--enable-unsafe-swiftshader",  # WebGL without a GPU
    "--use-angle=swiftshader",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Browser:
    """One page. Use as a context manager."""

    def __init__(self, profile: Path, size: tuple[int, int] = (1000, 800), patience: float = 60.0) -> None:
        (down, self.down), (self.up, up) = os.pipe(), os.pipe()
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}", "about:blank"]
        pipes = 'exec "$@" 3<&"$DOWN" 4>&"$UP"'  # the protocol's places
        self.process = subprocess.Popen(
            ["bash", "-c", pipes, "bash", *command],
            env=os.environ | {"DOWN": str(down), "UP": str(up)},
            pass_fds=(down, up),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(down), os.close(up)
        self.patience, self.number, self.rest, self.events, self.session = patience, 0, b"", [], None
        (page,) = [t for t in self.request("Target.getTargets")["targetInfos"] if t["type"] == "page"]
        attached = self.request("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.request(f"{domain}.enable")

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.down), os.close(self.up)

    def request(self, method: str, **parameters: object) -> dict:
        """Call a method of the protocol; what happens meanwhile goes to `events`."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.down, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self.number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def _read(self) -> dict:
        while b"\0" not in self.rest:
            assert select.select([self.up], [], [], self.patience)[0], "the browser does not answer"
            self.rest += os.read(self.up, 1 << 20)
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def open(self, url: str) -> None:
        self.request("Page.navigate", url=url)

    def value(self, expression: str) -> object:
        """What an expression in the page's own language is."""
        answer = self.request("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, expression: str) -> None:
        end = time.monotonic() + self.patience
        while not self.value(expression):
            assert time.monotonic() < end, f"never true: {expression}; {self.troubles()}"
            time.sleep(0.1)

    def box(self, selector: str) -> dict[str, float]:
        """Where an element is in the window, after scrolling to it."""
        return self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            "return {x: b.x, y: b.y, width: b.width, height: b.height}; })()"
        )

    def click(self, selector: str, across: float = 0.5) -> None:
        """A real click, `across` of the way from left to right."""
        box = self.box(selector)
        place = {"x": box["x"] + across * box["width"], "y": box["y"] + box["height"] / 2}
        for kind in ("mousePressed", "mouseReleased"):
            self.request("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def drag(self, selector: str, dx: float, dy: float) -> None:
        box = self.box(selector)
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for kind, px, py in (("Pressed", x, y), ("Moved", x + dx, y + dy), ("Released", x + dx, y + dy)):
            self.request(
                "Input.dispatchMouseEvent", type=f"mouse{kind}", button="left", buttons=1, clickCount=1, x=px, y=py
            )

    def picture(self, selector: str | None = None) -> np.ndarray:
        """Pixels (H, W, 3) of an element or of the window, as a person sees them."""
        extra = {}
        if selector:
            box = self.box(selector)
            scroll = self.value("({x: scrollX, y: scrollY})")
            place = {"x": box["x"] + scroll["x"], "y": box["y"] + scroll["y"]}
            extra = {"clip": {**place, "width": box["width"], "height": box["height"], "scale": 1}}
        data = base64.b64decode(self.request("Page.captureScreenshot", **extra)["data"])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)

    def requests(self) -> list[str]:
        """Addresses that were asked for, other than the page itself and what is inside it."""
        urls = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("data:", "blob:", "file:", "about:"))]

    def troubles(self) -> list[str]:
        """Errors of scripts and of the page's policy."""
        kinds = ("Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(e["params"])[:500] for e in self.events if e.get("method") in kinds]
