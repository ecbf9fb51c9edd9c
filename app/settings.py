"""Every setting of the service: type, default and meaning. They are read from TRINITY_* variables and .env."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.api_keys import parse
from app.schemas.addresses import origin_problems, url_problem
from app.schemas.decoding import convert
from app.schemas.verbs import VERBS, Verb

PREFIX = "TRINITY_"
FILE_SUFFIX = "_FILE"
CLIENT_VARIABLES = frozenset({"TRINITY_SERVER", "TRINITY_KEY", "TRINITY_KEY_FILE", "TRINITY_CA_FILE"})
"""Variables of the client and the command line; the service ignores them."""


class SettingsError(Exception):
    """Settings are wrong; the text lists all problems, one per line."""


class Mode(StrEnum):
    """Where the model runs: in the web process (sync) or in a Celery worker (async)."""

    SYNC = "sync"
    ASYNC = "async"


MIB = 1024**2
LogLevel = Literal["debug", "info", "warning", "error"]
Stacking = Literal["on", "exact", "off"]
LogFormat = Literal["auto", "json", "console"]
Text = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=0)]
PositiveInt = Annotated[int, Meta(ge=1)]
RedisUrl = Annotated[str, Meta(pattern=r"^rediss?://")]
BrokerUrl = Annotated[str, Meta(pattern=r"^(rediss?|amqps?)://")]
HttpUrl = Annotated[str, Meta(pattern=r"^https?://")]
Rate = Annotated[str, Meta(pattern=r"^\d+(\.\d+)?(/[smh])?$")]
Hosts = Annotated[str, Meta(pattern=r"^([^\s,/@]+(\s*,\s*[^\s,/@]+)*)?$")]
Link = Annotated[str, Meta(pattern=r"^(/|https?://)\S*$")]
ROOT_PATH = r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?$"
RootPath = Annotated[str, Meta(pattern=ROOT_PATH)]
WebhookSecret = Annotated[  # base64 of 24 bytes or more
    str, Meta(pattern=r"^whsec_([A-Za-z0-9+/]{4}){8,}([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$")
]
ExportKey = Annotated[str, Meta(min_length=16)]
SECRETS = frozenset({"api_keys", "export_key", "webhook_secret"})  # settings that are never shown, not even in part
URLS = ("broker_url", "ledger_url", "otlp_url")
_PASSWORD = re.compile(r"(?<=://)([^:]*):.*@", re.DOTALL)  # up to the last @: a password may contain one


def about(text: str) -> Meta:
    """Return the description of a setting."""
    return Meta(description=text)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The service's settings; the field `max_body` is the variable TRINITY_MAX_BODY, and so on."""

    mode: Annotated[Mode, about("where models run. sync: in the web process; async: in Celery workers")] = Mode.SYNC
    broker_url: Annotated[BrokerUrl | None, about("async: URL of the broker, redis:// or amqp://")] = None
    ledger_url: Annotated[RedisUrl | None, about("async: URL of the Redis that stores the jobs, redis://")] = None
    store: Annotated[Text, about("folder of the fitted models, shared by all processes")] = ".trinity"
    models: Annotated[Text, about("modules whose models are served, comma separated")] = "app.model.models"
    sources: Annotated[Text, about("modules whose data sources requests may name, comma separated")] = "app.data.dummy"
    routes: Annotated[str, about("modules with additional routes, comma separated; see docs/applications.md")] = ""
    default_model: Annotated[Text, about("model of /fit, /predict and /score when a request names none")] = "polynomial"
    result_ttl: Annotated[PositiveInt, about("async: seconds that a finished job is kept")] = 86_400
    max_body: Annotated[PositiveInt, about("largest request body in bytes")] = 32 * MIB
    max_held: Annotated[PositiveInt, about("limit of request bodies in a web process' memory, in bytes")] = 256 * MIB
    body_timeout: Annotated[PositiveInt, about("longest pause in a request body, in seconds")] = 30
    max_import: Annotated[PositiveInt, about("largest file of a fitted model that is imported, in bytes")] = 256 * MIB
    max_file: Annotated[PositiveInt, about("largest file that a model takes as input or returns, in bytes")] = 100 * MIB
    max_uploads: Annotated[PositiveInt, about("how many files one web process may receive at the same time")] = 8
    accel_redirect: Annotated[
        str, about("path of nginx's internal location over the store's `payloads`; nginx then sends result files")
    ] = ""
    import_memory: Annotated[
        PositiveInt,
        about("bytes of memory for the process that tries out an imported file, or the result of a fit"),
    ] = 2048 * MIB
    import_timeout: Annotated[PositiveInt, about("seconds that such a process may take")] = 60
    trusted_types: Annotated[
        str, about("types that skops files may have beside those that are safe, full names, comma separated")
    ] = ""
    max_design: Annotated[
        PositiveInt, about("limit of a fit's memory, in bytes: rows × terms × 8, or up to terms² × 40 if that is more")
    ] = 1024**3
    max_loaded: Annotated[PositiveInt, about("limit of fitted models in a process' memory, in bytes")] = 512 * MIB
    sample_rows: Annotated[
        Count, about("rows of a fit's data kept with the version for its plot, 64 KiB at most; 0: none")
    ] = 200
    preload: Annotated[
        bool,
        about("load the champion and the latest version of each model when a web or worker process starts"),
    ] = True
    stacking: Annotated[
        Stacking,
        about(
            "which predictions of one version may share a call. on: also if they then differ by rounding; "
            "exact: only if they stay identical to the last bit; off: none"
        ),
    ] = "on"
    keep_versions: Annotated[
        Count, about("how many of the newest versions of a model a fit keeps, beside those with an alias; 0: all")
    ] = 0
    max_fits: Annotated[PositiveInt, about("sync: how many fits may run at once in one web process")] = 2
    lease: Annotated[
        PositiveInt, about("async: seconds after which other workers take the jobs of a silent worker")
    ] = 10
    max_attempts: Annotated[PositiveInt, about("async: how many attempts a job has if its workers are lost")] = 3
    timeout_fit: Annotated[PositiveInt, about("async: seconds that a fit may take if its request has no timeout")] = (
        VERBS["fit"].timeout_s
    )
    timeout_predict: Annotated[PositiveInt, about("async: the same for a predict")] = VERBS["predict"].timeout_s
    timeout_score: Annotated[PositiveInt, about("async: the same for a score")] = VERBS["score"].timeout_s
    max_wait: Annotated[PositiveInt, about("async: longest wait for a job in one request, in seconds")] = 60
    max_pending: Annotated[PositiveInt, about("async: how many jobs may wait in the queue")] = 10_000
    max_timeout: Annotated[PositiveInt, about("longest timeout that a request may set, in seconds")] = 86_400
    threads: Annotated[PositiveInt, about("threads of one web process, for work that would block its event loop")] = 4
    prefetch: Annotated[PositiveInt, about("async: messages that a worker process fetches in advance")] = 1
    rate_limit_fit: Annotated[Rate | None, about("async: how many fits one worker may start, such as 10/m")] = None
    rate_limit_predict: Annotated[Rate | None, about("async: the same for predict messages")] = None
    rate_limit_score: Annotated[Rate | None, about("async: the same for score messages")] = None
    webhook_hosts: Annotated[Hosts, about("private hosts that webhooks may call, comma separated")] = ""
    otlp_url: Annotated[
        HttpUrl | None, about("URL that receives spans by OTLP over HTTP, http://…:4318; needs the extra `tracing`")
    ] = None
    log_level: Annotated[LogLevel, about("lowest level of log lines: debug, info, warning or error")] = "info"
    log_format: Annotated[LogFormat, about("json, console, or auto: console on a terminal, otherwise json")] = "auto"
    log_requests: Annotated[bool, about("a log line for each request and each job")] = True
    webhook_secret: Annotated[
        WebhookSecret | None, about("key that signs webhooks: whsec_ and the base64 of 24 bytes or more")
    ] = None
    export_key: Annotated[ExportKey | None, about("key that signs exports; if set, imports must be signed")] = None
    events_url: Annotated[
        HttpUrl | None, about("URL that receives events about new versions and moved aliases, signed like webhooks")
    ] = None
    flower_url: Annotated[Link | None, about("address of Flower for the link on the page: a path or a URL")] = None
    root_path: Annotated[
        RootPath, about("path below which a proxy serves this, such as /trinity; empty: taken from X-Forwarded-Prefix")
    ] = ""
    cors_origins: Annotated[
        str | None, about("origins whose scripts may call the API, https://…, comma separated; * for all; empty: none")
    ] = None
    api_keys: Annotated[
        str | None, about("who may call: name:scopes:sha256 of each key, comma separated; empty: everybody")
    ] = None

    @property
    def logs_each_request(self) -> bool:
        """Whether each request and each job is logged."""
        return self.log_requests and self.log_level in {"debug", "info"}

    def timeout_of(self, verb: Verb) -> int:
        """Return the seconds that a job of this verb may take if its request has no timeout."""
        return int(getattr(self, f"timeout_{verb}"))

    def rate_limit_of(self, verb: Verb) -> str | None:
        """Return the rate limit of this verb's messages for one worker; None: no limit."""
        rate: str | None = getattr(self, f"rate_limit_{verb}")
        return rate


def load(environment: Mapping[str, str] | None = None, dotenv: str | Path = ".env") -> Settings:
    """Read the settings from `environment` (os.environ by default), then from `dotenv`; raise SettingsError."""
    from dotenv import dotenv_values  # noqa: PLC0415  the client and its commands are installed without it

    problems: list[str] = []
    given: dict[str, str | None] = {}
    for variables in (dotenv_values(dotenv), os.environ if environment is None else environment):
        given |= _values(variables, problems)
    values: dict[str, Any] = {}
    for variable, text in given.items():
        if text is None:
            continue
        try:
            values[_FIELDS[variable]] = convert(text, _TYPES[_FIELDS[variable]], strict=False)
        except msgspec.ValidationError as error:
            problems.append(f"{variable}: {error}")
    wrong = {name: url_problem(values.get(name)) for name in URLS}
    problems += [f"{PREFIX}{name.upper()}: this URL {problem}" for name, problem in wrong.items() if problem]
    problems += [f"{PREFIX}API_KEYS: {problem}" for problem in _key_problems(values.get("api_keys"))]
    problems += [f"{PREFIX}CORS_ORIGINS: {problem}" for problem in origin_problems(values.get("cors_origins"))]
    # a setting with an invalid value is not also reported as missing
    named = " ".join(problems)
    settings = Settings(**values)
    needed = ("broker_url", "ledger_url") if settings.mode is Mode.ASYNC else ()
    missing = [PREFIX + name.upper() for name in needed if getattr(settings, name) is None]
    problems += [f"{variable}: {Mode.ASYNC} mode needs it" for variable in missing if variable not in named]
    if settings.events_url is not None and settings.webhook_secret is None and "WEBHOOK_SECRET" not in named:
        problems.append(f"{PREFIX}EVENTS_URL: needs {PREFIX}WEBHOOK_SECRET, which signs the events")
    if problems:
        raise SettingsError("\n".join(sorted(problems)))
    return settings


_FIELDS = {PREFIX + name.upper(): name for name in Settings.__struct_fields__}
_TYPES = {info.name: info.type for info in msgspec.structs.fields(Settings)}


def _values(variables: Mapping[str, str | None], problems: list[str]) -> dict[str, str | None]:
    """Return Trinity's variables. An empty one means its default (None); X_FILE sets X and takes precedence."""
    given: dict[str, str | None] = {}
    for variable in sorted(name for name in variables if name.startswith(PREFIX) and name not in CLIENT_VARIABLES):
        value = variables[variable]
        setting = variable if variable in _FIELDS else variable.removesuffix(FILE_SUFFIX)
        if setting not in _FIELDS:
            problems.append(_unknown_setting(variable))
        elif setting != variable and value:
            given[setting] = _read_secret(variable, value, problems)
        elif setting == variable:
            given[setting] = value or None
    return given


def _read_secret(variable: str, path: str, problems: list[str]) -> str | None:
    try:
        if text := Path(path).read_text(encoding="utf-8").strip():
            return text
        problems.append(f"{variable}: the file {path} is empty")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        problems.append(f"{variable}: cannot read {path}: {reason}")
    return None


def _key_problems(text: str | None) -> list[str]:
    try:
        parse(text or "")
    except ValueError as error:
        return str(error).splitlines() if text else []
    return []


def _unknown_setting(variable: str) -> str:
    close = difflib.get_close_matches(variable.removeprefix(PREFIX).lower(), Settings.__struct_fields__, n=1)
    return f"{variable}: unknown setting" + (f", did you mean {PREFIX}{close[0].upper()}?" if close else "")


def masked(text: str, name: str = "") -> str:
    """Return a setting for display: a secret, or the password in a URL, becomes ***."""
    if name in SECRETS:
        return "***" if text else ""
    return _PASSWORD.sub(r"\1:***@", text)
