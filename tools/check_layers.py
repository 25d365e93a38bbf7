#!/usr/bin/env python3
"""Fails when a source file includes what its layer may not (docs/developing.md, "Layers")."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# folder -> folders it may include besides itself and base; the longest matching folder name decides.
MAY_INCLUDE = {
    "base": [],
    "volume": [], "terms": [], "nn": [], "net": [], "store": [],
    "nn/cpu": ["nn"], "nn/cuda": ["nn"], "nn/cuda/device": ["nn", "nn/cuda"], "nn/no_cuda": ["nn", "nn/cuda"],
    "nn/device": ["nn", "nn/cpu", "nn/cuda"],
    "io": ["volume", "terms"],
    "segment": ["volume", "nn", "nn/cpu", "nn/device"],
    "interact": ["segment", "nn", "nn/cpu", "nn/device", "volume"],
    "hub": ["hub/jobs", "hub/runners", "segment", "io", "nn", "nn/device", "volume", "terms", "net", "store"],
    "hub/jobs": ["hub/runners", "io", "volume", "terms", "store"],
    "hub/image": ["hub", "hub/runners", "net", "store"],
    "hub/runners": [],
    "hub/environment": ["hub", "hub/runners", "net", "store"],
    "stream": ["volume"],
    "stream/igtl": ["stream", "volume", "net"],
    "stream/operators": ["stream", "stream/igtl", "io", "segment", "nn", "nn/cpu", "nn/device", "volume", "terms", "net"],
    "server": ["interact", "hub", "stream", "io", "segment", "volume", "terms", "net", "store",
               "server/access", "server/http", "server/state", "server/studies", "server/dialects", "server/api"],
    "server/http": [],
    "server/access": ["server/http", "net"],
    "server/state": ["server/http", "interact", "io", "segment", "volume", "terms", "net", "store"],
    "server/studies": ["io", "net", "volume", "terms"],
    "server/api": ["server/http", "server/state", "server/studies", "interact", "hub", "hub/jobs", "stream", "io", "volume", "terms", "net", "store"],
    "server/dialects": ["server/http", "server/state", "server/studies", "interact", "hub", "stream", "io", "segment", "volume", "terms"],
}

# third-party header prefix -> files that may include it
THIRD_PARTY = {
    r"dcmtk/|openjpeg|libdeflate|zlib|zstd|lz4": r"src/io/.*\.cpp",
    r"(oneapi/)?dnnl": r"src/nn/cpu/.*",
    r"cuda_|cudnn": r"src/nn/cuda/.*",
    r"boost/beast": r"src/server/http/.*\.cpp",
    r"boost/asio": r"src/(net|server/http)/.*\.cpp|src/server/http/transport\.h",
    r"curl/": r"src/net/.*\.cpp",
    r"sqlite3|xxhash": r"src/store/.*\.cpp",
    r"openssl/": r"src/(net|server/access|server/http)/.*\.cpp",
    r"nlohmann/": r"src/base/.*|.*\.cpp",
    r"CLI/": r"apps/.*",
    r"spdlog/": r"apps/.*",
    r"toml\+\+|archive(_entry)?\.h": r"src/hub/.*\.cpp",
    r"opencv2/": r"src/stream/operators/onnx_engine\.cpp",
    r"yaml-cpp/": r"src/base/yaml\.cpp",
    r"expat": r"src/base/xml\.cpp",
}

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)


def folder_of(path: str) -> str | None:
    """The longest known folder that holds `path`, given relative to src/."""
    matches = [f for f in MAY_INCLUDE if path.startswith(f + "/")]
    return max(matches, key=len) if matches else None


def complaints(file: Path) -> list[str]:
    relative = file.relative_to(ROOT).as_posix()
    inside_src = relative.startswith("src/")
    own = folder_of(relative.removeprefix("src/")) if inside_src else None
    if inside_src and own is None:
        return [f"{relative}: its folder is not in the table of layers"]
    found = []
    for quote, header in INCLUDE.findall(file.read_text(encoding="utf-8")):
        target = folder_of(header)
        if inside_src and quote == '"' and target not in (None, own, "base", *MAY_INCLUDE[own]):
            found.append(f"{relative}: {own} may not include {target} ({header})")
        for prefix, allowed in THIRD_PARTY.items():
            if re.match(prefix, header) and (inside_src or relative.startswith("apps/")) and not re.fullmatch(allowed, relative):
                found.append(f"{relative}: {header} belongs to {allowed}")
    return found


def main() -> int:
    files = sorted(p for top in ("src", "apps") for p in (ROOT / top).rglob("*") if p.suffix in {".h", ".cpp", ".cu"})
    found = [line for file in files for line in complaints(file)]
    print("\n".join(found) if found else f"layers hold in {len(files)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
