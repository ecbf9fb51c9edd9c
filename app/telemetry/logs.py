"""Logs as JSON, or in colours on a terminal: our own, Celery's, gunicorn's and uvicorn's look the same."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from app.settings import Settings
from app.telemetry.log_records import Sink, stamp
from app.telemetry.stderr_writer import LineWriter

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

STDERR = 2
EXTRAS = ("job_id", "request_id", "error")  # the members that a record may have beside its message
_encoder = msgspec.json.Encoder(enc_hook=str)


@cache
def stderr() -> LineWriter:
    """Return the process's writer to standard error; it is flushed when the process ends."""
    writer = LineWriter(STDERR)
    atexit.register(writer.flush)
    return writer


def for_people(settings: Settings) -> bool:
    """Whether lines are formatted for a terminal instead of as JSON."""
    return os.isatty(STDERR) if settings.log_format == "auto" else settings.log_format == "console"


def line_sink(settings: Settings, write: Callable[[bytes], None] | None = None) -> Sink:
    """Return a function that writes lines of requests and jobs, several in one call."""
    write = write or stderr().write
    if not for_people(settings):
        return lambda lines: write(_encoder.encode_lines(lines))
    render = _console()

    def write_lines(lines: Sequence[Any]) -> None:
        texts = (render(None, "info", _printable(msgspec.to_builtins(line))) for line in lines)
        write("".join(f"{text}\n" for text in texts).encode("utf-8", "replace"))

    return write_lines


def handler(settings: Settings, write: Callable[[bytes], None] | None = None) -> logging.Handler:
    """Return a handler for the standard library's loggers."""
    from structlog.processors import format_exc_info  # noqa: PLC0415  slow to import, and the client needs none of it
    from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name  # noqa: PLC0415

    before: list[Processor] = [add_log_level, add_logger_name, ExtraAdder(EXTRAS), _stamped]
    last: list[Processor] = [_console()] if for_people(settings) else [format_exc_info, _json]
    made = LineHandler(write or stderr().write)
    clean = ProcessorFormatter.remove_processors_meta
    made.setFormatter(ProcessorFormatter(foreign_pre_chain=before, processors=[clean, *last]))
    return made


def install(settings: Settings) -> None:
    """Give the root logger our handler, which also gets Python's warnings, and those of `app` the settings' level."""
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, LineHandler)]:
        root.removeHandler(old)
    root.addHandler(handler(settings))
    logging.getLogger("app").setLevel(settings.log_level.upper())
    warnings.formatwarning = describe_warning
    logging.captureWarnings(capture=True)


def describe_warning(
    message: Warning | str,  # noqa: ARG001  the name is Python's
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,  # noqa: ARG001  likewise
) -> str:
    """Return the log message for a warning, without the warning's text, which may quote data."""
    return f"{filename}:{lineno}: {category.__name__}"


class LineHandler(logging.Handler):
    """Formats records as lines and hands them to `write`."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        """Format and write a record."""
        try:
            self._write(f"{self.format(record)}\n".encode("utf-8", "replace"))
        except Exception:  # noqa: BLE001  as every handler does
            self.handleError(record)


def _console() -> Callable[..., str]:
    from structlog.dev import ConsoleRenderer, plain_traceback  # noqa: PLC0415

    colours = sys.platform != "win32" and not os.environ.get("NO_COLOR")
    return ConsoleRenderer(colors=colours, exception_formatter=plain_traceback, sort_keys=False)


def _json(_: WrappedLogger, __: str, event: EventDict) -> str:
    return _encoder.encode(event).decode()


def _stamped(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {"timestamp": stamp(), "level": event.pop("level"), "event": event.pop("event"), **event}


def _printable(event: dict[str, Any]) -> dict[str, Any]:
    """Escape control characters: callers choose the paths in these lines, and a terminal would act on them."""
    return {
        name: value.encode("unicode_escape").decode() if isinstance(value, str) and not value.isprintable() else value
        for name, value in event.items()
    }
