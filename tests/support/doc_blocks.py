"""The documents taken apart: fenced blocks, the commands in them, what a terminal shows after each, tables, headings.

A `sh` block holds commands that start a server in the foreground, one a line. A `console` block is a session with the
server that was started last in the same document, or with none. Any other block is a file: the paragraph above it ends
in a colon, and the last name set as code in it is the file's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import ROOT

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(?P<text>.+)$", re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
ANYTHING = "…"
PROMPT = "$ "


@dataclass(frozen=True)
class Block:
    """A fenced block: the language after its fence, its text, and the name of the file that it shows."""

    language: str
    text: str
    file: str | None = None


@dataclass(frozen=True)
class Step:
    """A command at a prompt, and what is printed after it; `…` stands for anything."""

    command: str
    expected: str


def documents() -> list[Path]:
    """README.md and every page of docs/, as paths from the project's root."""
    return [Path("README.md"), *sorted(path.relative_to(ROOT) for path in (ROOT / "docs").glob("*.md"))]


def read(document: Path | str) -> str:
    """Return the text of a document."""
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    """All fenced blocks in their order."""
    return [
        Block(found["language"], found["text"], _file(found["language"], text[: found.start()]))
        for found in FENCE.finditer(text)
    ]


def _file(language: str, before: str) -> str | None:
    """Return the file that a block shows: the paragraph right above it names it."""
    if language in {"sh", "console", "text"}:
        return None
    paragraph = before.rstrip().rpartition("\n\n")[2]
    names = [name for name in CODE.findall(paragraph) if re.fullmatch(r"[\w.-]+\.\w+", name)]
    return names[-1] if names and paragraph.endswith(":") else None


def steps(block: Block) -> list[Step]:
    """The commands of a `console` block; one that ends in a backslash, or in the middle of a quotation, goes on."""
    found: list[tuple[list[str], list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith(PROMPT):
            found.append(([line.removeprefix(PROMPT)], []))
        elif _goes_on("\n".join(found[-1][0])) and not found[-1][1]:
            found[-1][0].append(line)
        else:
            found[-1][1].append(line)
    return [Step("\n".join(command), "\n".join(output)) for command, output in found]


def _goes_on(command: str) -> bool:
    return command.endswith("\\") or command.count("'") % 2 == 1


def commands(block: Block) -> list[str]:
    """The commands of a `sh` block, without the remarks after them."""
    lines = [re.sub(r"(^|\s+)#.*", "", line).strip() for line in block.text.splitlines()]
    return [line for line in lines if line]


def agrees(expected: str, printed: str) -> bool:
    """Whether what was printed is what was expected, whitespace aside: documents break long lines."""
    pattern = ".*?".join(re.escape(_bare(part)) for part in expected.split(ANYTHING))
    return re.fullmatch(pattern, _bare(printed), re.DOTALL) is not None


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


def prose(text: str) -> str:
    """Return the text without its fenced blocks."""
    return FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in HEADING.finditer(prose(text)):
        slug = re.sub(r"[^\w\- ]", "", heading["text"].strip().lower()).replace(" ", "-")
        found.add(slug if slug not in found else f"{slug}-1")
    return found


def tables(text: str) -> Iterator[list[list[str]]]:
    """The cells of each table, row by row, without its heading."""
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        yield [[cell.strip() for cell in row[1:-1].split("|")] for row in table.splitlines()[2:]]


def table(text: str, heading: str) -> list[list[str]]:
    """The rows of the first table under a heading of the second level."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return next(tables(section))


def names_in(text: str) -> list[str]:
    """What is set as code in a text."""
    return CODE.findall(text)
