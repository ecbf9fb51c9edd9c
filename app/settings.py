"""Every setting of the service, once: its type, default and meaning, read from TRINITY_* variables and .env."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
from dotenv import dotenv_values
from msgspec import Meta

PREFIX = "TRINITY_"
FILE_SUFFIX = "_FILE"


class SettingsError(Exception):
    """The environment can't be used as it is; the text lists every problem, one a line."""


class Mode(StrEnum):
    """Who runs the model: the web process itself (sync) or a Celery worker (async)."""

    SYNC = "sync"
    ASYNC = "async"


Count = Annotated[int, Meta(ge=1)]
RedisUrl = Annotated[str, Meta(pattern=r"^rediss?://")]
BrokerUrl = Annotated[str, Meta(pattern=r"^(rediss?|amqps?)://")]
Rate = Annotated[str, Meta(pattern=r"^\d+(\.\d+)?(/[smh])?$")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The service's settings; the field `max_body` is the variable TRINITY_MAX_BODY, and so on."""

    mode: Annotated[Mode, Meta(description="sync: the web process runs the model; async: Celery workers do")] = (
        Mode.SYNC
    )
    broker_url: Annotated[BrokerUrl | None, Meta(description="async: the queue, redis:// or amqp://")] = None
    ledger_url: Annotated[RedisUrl | None, Meta(description="async: the Redis that keeps the jobs, redis://")] = None
    store: Annotated[str, Meta(min_length=1, description="folder of the fitted models, shared by all processes")] = (
        ".trinity"
    )
    models: Annotated[str, Meta(min_length=1, description="modules whose regressors are served, comma separated")] = (
        "app.model.models"
    )
    default_model: Annotated[
        str, Meta(min_length=1, description="model of /fit, /predict, /score when none is named")
    ] = "polynomial"
    result_ttl: Annotated[Count, Meta(description="async: seconds a finished job is kept")] = 86_400
    max_body: Annotated[Count, Meta(description="largest request body in bytes")] = 32 * 1024 * 1024
    max_held: Annotated[Count, Meta(description="bytes of request bodies held at once in one web process")] = (
        256 * 1024 * 1024
    )
    max_design: Annotated[Count, Meta(description="largest design matrix in bytes, rows × terms × 8")] = 1024**3
    max_fits: Annotated[Count, Meta(description="sync: fits that run at once in one web process")] = 2
    max_wait: Annotated[Count, Meta(description="async: longest wait for a job in seconds")] = 60
    max_pending: Annotated[Count, Meta(description="async: jobs that may wait in the queue")] = 10_000
    threads: Annotated[Count, Meta(description="threads of one web process for work too long for its event loop")] = 4
    prefetch: Annotated[Count, Meta(description="async: messages a worker process takes ahead")] = 1
    rate_limit_fit: Annotated[Rate | None, Meta(description="async: fits one worker starts, such as 10/m")] = None
    rate_limit_predict: Annotated[Rate | None, Meta(description="async: predict messages one worker starts")] = None
    rate_limit_score: Annotated[Rate | None, Meta(description="async: score messages one worker starts")] = None

    def __post_init__(self) -> None:
        """Refuse an async mode that doesn't say where its broker and its ledger are."""
        if self.mode is Mode.ASYNC:
            missing = [name for name in ("broker_url", "ledger_url") if getattr(self, name) is None]
            if missing:
                names = " and ".join(PREFIX + name.upper() for name in missing)
                raise ValueError(f"{PREFIX}MODE=async needs {names}")


def load(environment: Mapping[str, str] | None = None, dotenv: str | Path = ".env") -> Settings:
    """Read the settings from `environment` (os.environ by default), then from `dotenv`; raise SettingsError."""
    given = _given(os.environ if environment is None else environment, dotenv)
    known = {PREFIX + name.upper(): name for name in Settings.__struct_fields__}
    values: dict[str, Any] = {}
    problems = [_unknown(variable, known) for variable in given if variable not in known]
    for variable in known.keys() & given.keys():
        try:
            values[known[variable]] = _value(known[variable], given[variable])
        except msgspec.ValidationError as error:
            problems.append(f"{variable}: {error}")
    if problems:
        raise SettingsError("\n".join(sorted(problems)))
    try:
        return Settings(**values)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _given(environment: Mapping[str, str], dotenv: str | Path) -> dict[str, str]:
    """Return the TRINITY_* variables that are set and not empty; X_FILE stands for X and wins over .env."""
    merged = {**dotenv_values(dotenv), **environment}
    given: dict[str, str] = {}
    for variable, value in merged.items():
        if not variable.startswith(PREFIX) or not value:
            continue
        if variable.endswith(FILE_SUFFIX):
            given[variable.removesuffix(FILE_SUFFIX)] = _secret(variable, value)
        else:
            given.setdefault(variable, value)
    return given


def _secret(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{variable}: can't read {path}: {error.strerror}") from None


def _value(field: str, text: str) -> Any:
    types = {info.name: info.type for info in msgspec.structs.fields(Settings)}
    return msgspec.convert(text, types[field], strict=False)


def _unknown(variable: str, known: Mapping[str, str]) -> str:
    close = difflib.get_close_matches(variable, known, n=1)
    return f"{variable}: unknown setting" + (f", did you mean {close[0]}?" if close else "")
