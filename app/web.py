"""Builds the web process: the one place that knows the mode, and gives the HTTP entrance its dispatcher."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from app.bootstrap import House, build
from app.dispatch.base import Dispatcher
from app.dispatch.inline import Inline
from app.schemas import Verb
from app.serve import create_app
from app.serve.asgi import Asgi
from app.serve.observed import Telemetry
from app.serve.probes import Check
from app.settings import LogLevel, Mode, Settings, load
from app.telemetry.lines import RequestLog
from app.telemetry.logs import putting, stderr
from app.telemetry.metrics import Metrics
from app.telemetry.optional import tracing

if TYPE_CHECKING:
    from app.telemetry.tracing import Tracing


def build_api(settings: Settings | None = None) -> Asgi:
    """Return the ASGI app for the settings, those of the environment by default; raise SettingsError."""
    house = build(settings or load())
    house.check_store()
    pool = ThreadPoolExecutor(house.settings.threads, thread_name_prefix="work")
    queued = house.settings.mode is Mode.ASYNC
    metrics = Metrics(house.service.models, inline=not queued)
    spans = tracing(house.settings, "trinity-web")
    dispatcher, checks = _queued(house, spans) if queued else _inline(house, pool, metrics)
    return create_app(
        house.settings,
        house.service,
        dispatcher,
        pool,
        {"store": house.store.check, **checks},
        figures=house.counting().figures if queued else None,
        telemetry=_telemetry(house.settings, metrics, spans),
    )


def _telemetry(settings: Settings, metrics: Metrics, spans: Tracing | None) -> Telemetry:
    debug = settings.log_level is LogLevel.DEBUG
    log = RequestLog(putting(settings), debug=debug) if settings.line_for_each else None

    def close() -> None:
        if spans is not None:
            spans.close()
        stderr().flush()

    return Telemetry(metrics, log, spans, close)


def _inline(house: House, pool: ThreadPoolExecutor, metrics: Metrics) -> tuple[Dispatcher, dict[str, Check]]:
    return Inline(house.service, pool, house.settings.max_fits, count=metrics.work), {}


def _queued(house: House, spans: Tracing | None) -> tuple[Dispatcher, dict[str, Check]]:
    # imported here, so that sync mode keeps Celery out of memory
    from app.dispatch.bell import Bell  # noqa: PLC0415
    from app.dispatch.queued import Queued  # noqa: PLC0415
    from app.dispatch.watch import Watch  # noqa: PLC0415
    from app.tasks import check_broker, publish  # noqa: PLC0415

    ledger, settings = house.ledger(), house.settings
    timeouts_s: dict[Verb, float] = {
        "fit": settings.timeout_fit,
        "predict": settings.timeout_predict,
        "score": settings.timeout_score,
    }
    readers = ThreadPoolExecutor(settings.threads, thread_name_prefix="ledger")
    queued = Queued(ledger, Watch(house.ledger_url), Bell(publish), readers, timeouts_s, settings.max_held, spans)
    return queued, {"ledger": ledger.ping, "broker": check_broker}
