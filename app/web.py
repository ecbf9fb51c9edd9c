"""Builds the web process: the one place that knows the mode, and gives the HTTP entrance its dispatcher."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from app.bootstrap import House, build
from app.dispatch.base import Dispatcher
from app.dispatch.inline import Inline
from app.schemas import Verb
from app.serve import create_app
from app.serve.asgi import Asgi
from app.serve.health import Check
from app.serve.observed import Telemetry
from app.settings import LogLevel, Mode, Settings, load
from app.telemetry.lines import RequestLog
from app.telemetry.logs import putting, stderr
from app.telemetry.metrics import Metrics


def build_api(settings: Settings | None = None) -> Asgi:
    """Return the ASGI app for the settings, those of the environment by default; raise SettingsError."""
    house = build(settings or load())
    house.check_store()
    pool = ThreadPoolExecutor(house.settings.threads, thread_name_prefix="work")
    queued = house.settings.mode is Mode.ASYNC
    metrics = Metrics(house.service.models, inline=not queued)
    dispatcher, checks = _queued(house) if queued else _inline(house, pool, metrics)
    return create_app(
        house.settings,
        house.service,
        dispatcher,
        pool,
        {"store": house.store.check, **checks},
        figures=house.counting().figures if queued else None,
        telemetry=_telemetry(house.settings, metrics),
    )


def _telemetry(settings: Settings, metrics: Metrics) -> Telemetry:
    loud = settings.log_requests and settings.log_level in {LogLevel.DEBUG, LogLevel.INFO}
    log = RequestLog(putting(settings), debug=settings.log_level is LogLevel.DEBUG) if loud else None
    return Telemetry(metrics, log, stderr().flush)


def _inline(house: House, pool: ThreadPoolExecutor, metrics: Metrics) -> tuple[Dispatcher, dict[str, Check]]:
    return Inline(house.service, pool, house.settings.max_fits, count=metrics.work), {}


def _queued(house: House) -> tuple[Dispatcher, dict[str, Check]]:
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
    queued = Queued(ledger, Watch(house.ledger_url), Bell(publish), readers, timeouts_s, settings.max_held)
    return queued, {"ledger": ledger.ping, "broker": check_broker}
