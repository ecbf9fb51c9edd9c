"""README.md taken apart: its fenced blocks, the commands in them, what a terminal shows after each, and its tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.servers import ROOT

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
ANYTHING = "…"
PROMPT = "$ "


@dataclass(frozen=True)
class Block:
    """A fenced block: the language after its fence, and its text."""

    language: str
    text: str


@dataclass(frozen=True)
class Step:
    """A command at a prompt, and what is printed after it; `…` stands for anything."""

    command: str
    expected: str


def readme() -> str:
    """The text of README.md."""
    return (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    """All fenced blocks in their order."""
    return [Block(found["language"], found["text"]) for found in FENCE.finditer(text)]


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
    """Whether what was printed is what was expected, whitespace aside: the README breaks long lines."""
    pattern = ".*?".join(re.escape(_bare(part)) for part in expected.split(ANYTHING))
    return re.fullmatch(pattern, _bare(printed), re.DOTALL) is not None


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


def tables(text: str) -> Iterator[list[list[str]]]:
    """The cells of each table, row by row, without its heading."""
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        yield [[cell.strip() for cell in row[1:-1].split("|")] for row in table.splitlines()[2:]]


def table(text: str, heading: str) -> list[list[str]]:
    """The rows of the first table under a heading."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return next(tables(section))
