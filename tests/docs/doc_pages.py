"""The project's pages of Markdown, and what stands in them."""
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^( *)```(\S*)[^\n]*\n(.*?)^\1```\n?", re.MULTILINE | re.DOTALL)


def pages():
    """All of them that git knows, without the changelog and the notes of the tests; as paths from the top."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout.split()
    return [Path(name) for name in listed if name != "CHANGELOG.md" and not name.startswith("tests/") and (ROOT / name).exists()]


def text_of(page):
    return (ROOT / page).read_text()


def fences(page):
    """Pairs of language and text."""
    return [(language, re.sub(f"^{indent}", "", body, flags=re.MULTILINE))
            for indent, language, body in FENCE.findall(text_of(page))]


def prose(page):
    """The page without its blocks of code."""
    return FENCE.sub("\n", text_of(page))


def without_remark(line):
    return re.sub(r"\s+# .*$", "", line).strip()


@dataclass(frozen=True)
class Command:
    page: Path
    text: str


def commands(page):
    """Each line of the blocks called sh, continued lines joined, remarks left out; and `sagittal …` within the prose."""
    found = []
    for language, body in fences(page):
        if language == "sh":
            lines = body.replace("\\\n", " ").splitlines()
            found += [Command(page, re.sub(r"\s+", " ", without_remark(line))) for line in lines
                      if line.strip() and not line.lstrip().startswith("#")]
    return found


def mentioned(page):
    """`sagittal WORD …` inside the prose."""
    return [Command(page, " ".join(text.split())) for text in re.findall(r"`(sagittal [^`]+)`", prose(page))]
