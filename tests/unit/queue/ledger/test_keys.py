"""Python and the scripts mean the same keys."""

import re

from app.queue.ledger import scripts


def test_keys_are_those_of_the_scripts() -> None:
    """Each is a text of common.lua."""
    named = {name: key for name, key in vars(scripts).items() if str(key).startswith("trinity:")}
    assert named
    common = (scripts.FOLDER / "common.lua").read_text(encoding="utf-8")
    prefixes = {name.upper(): key for name, key in re.findall(r"function (\w+)_key\(\w+\) return '(.*?)' \.\.", common)}
    for names, texts in re.findall(r"^local ([A-Z, ]+) = (.*)", common, re.MULTILINE):
        prefixes |= zip(names.split(", "), re.findall("'(.*?)'", texts), strict=True)
    assert named.items() <= prefixes.items()
