"""Which release this is; pyproject.toml has it, too, and is not there where the project runs."""

VERSION = "0.1.0"
