"""The viewer as a person uses it, and generated scans for it."""
import base64
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import requests

from running_server import Server

FIT = 0.94  # share of a plane that a whole slice fills
PLANES = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}  # screen x, screen y, normal
TIMEOUT = 180_000  # ms, for predictions on a busy machine

# Lists texts whose contrast is below 4.5.
CONTRAST = """() => {
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const rgb = s => s.match(/[\\d.]+/g).map(Number);
  const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0.5) return c.slice(0, 3); } return [0, 0, 0]; };
  const out = [];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || !e.checkVisibility() || e.closest(':disabled, svg')) continue;
    const a = light(rgb(getComputedStyle(e).color).slice(0, 3)), b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) out.push(`${e.outerHTML.slice(0, 80)} ${ratio.toFixed(2)}`);
  }
  return out; }"""


def start_with_viewer(program, *options, **more) -> Server:
    """A server that shows the viewer's pages; skips where the program was built without them."""
    server = Server(program, *options, **more)
    if "assets/" not in requests.get(server.url, timeout=30).text:
        server.stop()
        pytest.skip("the program was built with SAGITTAL_WEB=OFF")
    return server


def write_nifti(path: Path, voxels_kji: np.ndarray, spacing=(1.0, 1.0, 1.0)) -> None:
    """NIfTI-1 on an LPS grid with its origin at zero."""
    codes = {np.dtype(np.uint8): 2, np.dtype(np.int16): 4, np.dtype(np.float32): 16}
    header = bytearray(352)
    shape = voxels_kji.shape[::-1]
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *shape, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, codes[voxels_kji.dtype], 8 * voxels_kji.itemsize)
    struct.pack_into("<8f", header, 76, 1, *spacing, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, 352, 1, 0)
    struct.pack_into("<2h", header, 252, 0, 1)
    for row, sign in enumerate((-1, -1, 1)):
        values = [0.0] * 4
        values[row] = sign * spacing[row]
        struct.pack_into("<4f", header, 280 + 16 * row, *values)
    header[344:348] = b"n+1\0"
    path.write_bytes(bytes(header) + voxels_kji.tobytes())


def make_scan(path: Path, shape=(64, 80, 96), radius=16) -> None:
    k, j, i = np.meshgrid(*[np.arange(n) - n / 2 for n in shape], indexing="ij", sparse=True)
    ball = k * k + j * j + i * i < radius * radius
    noise = np.random.default_rng(1).normal(-80, 15, shape)
    write_nifti(path, np.where(ball, 160 + noise / 8, noise).astype(np.int16))


class Viewer:
    """One tab. `complaints`: what the browser had to say of errors, blocked contents and foreign addresses."""

    def __init__(self, browser, url: str, width=1280, height=800):
        self.url = url
        self.complaints: list[str] = []
        self.context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        self.page = self.context.new_page()
        self.page.set_default_timeout(TIMEOUT)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("console", self._on_console)
        self.page.on("request", self._on_request)

    def _on_console(self, message):
        text = message.text
        expected = re.search(r"Failed to load resource|WebSocket connection|GPU stall|software.*WebGL|WebGL.*software", text)
        if message.type == "error" and not expected:
            self.complaints.append(text)

    def _on_request(self, request):
        if not request.url.startswith((self.url, self.url.replace("http", "ws", 1), "blob:", "data:")):
            self.complaints.append(f"asked a stranger: {request.url}")

    def close(self):
        self.context.close()

    # ---- opening

    def start(self):
        self.page.goto(self.url)
        self.page.wait_for_selector(".drop")
        return self

    def open(self, *files: Path, wait=True):
        self.start()
        self.page.set_input_files("input[data-folder=false]", [str(file) for file in files])
        return self.wait_open() if wait else self

    def drop(self, file: Path, wait=True):
        """As a person drops it: a drag's events with the file in them."""
        self.start()
        transfer = self.page.evaluate_handle(
            """([name, data]) => { const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
               const t = new DataTransfer(); t.items.add(new File([bytes], name)); return t; }""",
            [file.name, base64.b64encode(file.read_bytes()).decode()])
        for event in ("dragenter", "dragover", "drop"):
            self.page.dispatch_event(".drop", event, {"dataTransfer": transfer})
        return self.wait_open() if wait else self

    def wait_open(self):
        self.page.wait_for_selector(".workspace .segments li, .toast.bad")
        assert not self.page.is_visible(".toast.bad"), self.page.inner_text(".toast.bad")
        self.page.wait_for_selector(".view.axial canvas[data-drawn]")
        title = self.page.inner_text(".top .title")
        numbers = re.search(r"(\d+) × (\d+) × (\d+) · ([\d.]+) × ([\d.]+) × ([\d.]+) mm", title).groups()
        self.shape = tuple(int(n) for n in numbers[:3])
        self.spacing = tuple(float(n) for n in numbers[3:])
        return self

    @property
    def session(self) -> str:
        return re.search(r"#session=([0-9a-f]+)", self.page.url).group(1)

    # ---- prompts

    def place(self, plane: str, x: float, y: float) -> tuple[float, float]:
        """Of a slice's pixel (whole numbers are corners) on the page, where nothing was zoomed."""
        u, v, _ = PLANES[plane]
        box = self.page.locator(f".view.{plane} canvas").bounding_box()
        width, height = self.shape[u] * self.spacing[u], self.shape[v] * self.spacing[v]
        scale = FIT * min(box["width"] / width, box["height"] / height)
        return (box["x"] + box["width"] / 2 + (x * self.spacing[u] - width / 2) * scale,
                box["y"] + box["height"] / 2 + (y * self.spacing[v] - height / 2) * scale)

    def click(self, x: float, y: float, plane="axial", button="left"):
        self.page.mouse.click(*self.place(plane, x, y), button=button)

    def drag(self, spots, plane="axial"):
        self.page.mouse.move(*self.place(plane, *spots[0]))
        self.page.mouse.down()
        for spot in spots[1:]:
            self.page.mouse.move(*self.place(plane, *spot), steps=4)
        self.page.mouse.up()

    def tool(self, name: str):
        self.page.click(f".tools button:has-text('{name}')")

    def press(self, keys: str):
        self.page.keyboard.press(keys)

    # ---- what is shown

    def wait_quiet(self):
        """Until no prediction runs any more."""
        self.page.wait_for_selector("body[data-running='0']")

    def wait_prompts(self, n: int, segment: int = 1):
        """Until the server has `n` prompts of the segment and the page is quiet."""
        self.wait_quiet()
        assert self.api(f"segments/{segment}")["prompts"] == n

    def wait_mask(self):
        """Until the first segment has a volume."""
        self.page.wait_for_selector(".segments li:first-child small:not(:text-matches('^0 ml'))")

    def volumes(self) -> list[str]:
        return self.page.locator(".segments .name small").all_inner_texts()

    def api(self, path=""):
        import requests
        answer = requests.get(f"{self.url}/api/v1/sessions/{self.session}/{path}".rstrip("/"), timeout=60)
        answer.raise_for_status()
        return answer.json()

    def mask(self, segment=1) -> np.ndarray:
        """Of the server, [k, j, i]."""
        reply = self.api(f"segments/{segment}/mask?format=bits")
        whole = np.zeros(self.shape[::-1], bool)
        (i0, i1), (j0, j1), (k0, k1) = reply["bounds"]
        size = (k1 - k0, j1 - j0, i1 - i0)
        bits = np.unpackbits(np.frombuffer(base64.b64decode(reply["mask"]), np.uint8), count=int(np.prod(size)))
        whole[k0:k1, j0:j1, i0:i1] = bits.reshape(size)
        return whole

    def colour(self, x: float, y: float, plane="axial") -> np.ndarray:
        """Red, green, blue of what the canvas shows there."""
        px, py = self.place(plane, x, y)
        return np.array(self.page.evaluate(
            """async ([plane, x, y]) => { for (let n = 0; n < 2; n += 1) await new Promise(requestAnimationFrame);
               const c = document.querySelector(`.view.${plane} canvas`), b = c.getBoundingClientRect();
               return [...c.getContext('2d').getImageData((x - b.left) * c.width / b.width, (y - b.top) * c.height / b.height, 1, 1).data]; }""",
            [plane, px, py])[:3])

    def is_tinted(self, x: float, y: float, plane="axial") -> bool:
        """Whether a mask is shown there: scans are grey."""
        red, green, blue = self.colour(x, y, plane).astype(int)
        return max(red, green, blue) - min(red, green, blue) > 12

    def poor_contrast(self) -> list[str]:
        return self.page.evaluate(CONTRAST)

    def saved(self, button: str, *, whole=False) -> Path:
        self.page.click(".top button:has-text('Save')")
        self.page.check(f"dialog label:has-text('{'All' if whole else 'This segment'}') input")
        with self.page.expect_download() as download:
            self.page.click(f"dialog .formats button:has-text('{button}')")
        self.press("Escape")
        return Path(download.value.path())
