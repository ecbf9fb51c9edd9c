"""How documents are taken apart."""

import pytest

from tests.support.doc_blocks import Block, Step, agrees, anchors, blocks, commands, steps, tables


def test_blocks() -> None:
    """Fenced blocks come out in their order, with their language."""
    assert blocks("a\n```sh\nmake\n```\nb\n```text\nc\nd\n```\n") == [Block("sh", "make\n"), Block("text", "c\nd\n")]


def test_files() -> None:
    """A block that is no command shows the file that the paragraph above it names last."""
    text = "Beside `app/` and `a.py`,\nsave `b.py`:\n\n```python\nx = 1\n```\n\nSee `c.py`:\n\n```sh\nmake\n```\n"
    assert blocks(text) == [Block("python", "x = 1\n", "b.py"), Block("sh", "make\n")]


def test_anchors() -> None:
    """Headings have the anchors that GitHub gives them; a line in a fenced block is no heading."""
    assert anchors("# A b, `c`\n## To add X, touch Y\n## A b c\n```sh\n# no\n```\n") == {
        "a-b-c", "to-add-x-touch-y", "a-b-c-1",
    }  # fmt: skip


def test_steps() -> None:
    """A command has the lines after it as its output, and its continuation lines as its own."""
    block = Block("console", "$ echo a \\\n    b\na b\n$ echo 'a\nb'\na\nb\n$ true\n$ printf 'c\\nd'\nc\nd\n")
    expected = [("echo a \\\n    b", "a b"), ("echo 'a\nb'", "a\nb"), ("true", ""), ("printf 'c\\nd'", "c\nd")]
    assert steps(block) == [Step(*step) for step in expected]


def test_commands() -> None:
    """Remarks and empty lines are no commands."""
    assert commands(Block("sh", "make serve    # a remark\n\n# another\nmake test\n")) == ["make serve", "make test"]


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ("", ""),
        ('{"a":1,\n "b":[…]}', '{"a":1,"b":[2,3]}'),
        ("1.25…", "1.2500001"),
        ("a…z", "az"),
        ("a\n…\nd", "a\r\nb\r\nd\r\n"),
    ],
)
def test_agreement(expected: str, printed: str) -> None:
    """What was printed may be broken into other lines, and have anything where the ellipsis is."""
    assert agrees(expected, printed)


@pytest.mark.parametrize(
    ("expected", "printed"), [("", "a"), ("a", ""), ("1.25", "1.251"), ("a…z", "abc"), ("a.c", "abc")]
)
def test_disagreement(expected: str, printed: str) -> None:
    """Nothing else may differ."""
    assert not agrees(expected, printed)


def test_tables() -> None:
    """A table is its cells, without heading."""
    assert list(tables("a\n| x | y |\n| --- | --- |\n| `1` | b c |\n| 2 | d |\n\nb\n")) == [
        [["`1`", "b c"], ["2", "d"]]
    ]
