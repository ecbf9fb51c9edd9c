"""The composition root: build all objects from the settings, for web processes, workers and the command line."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from app.dispatch.interpreter_lock import defer_this_thread, prefer_this_thread
from app.errors import Invalid
from app.model.imported.isolated_graphs import isolated_graphs
from app.model.imported.onnx_memory import memory as onnx_memory
from app.model.isolation.environment import module_environment
from app.model.isolation.isolated_calls import CallLimits, IsolatedCalls
from app.model.scikit.trusted_types import defined_in
from app.service import Components, Service, find_models, find_sources
from app.service.file_work import FileWork
from app.service.importing import PRELOAD, Importer
from app.service.isolated_restoring import CHILD, IsolatedRestoring
from app.service.result_files import result_files
from app.settings import Mode, Settings, SettingsError, load
from app.storage.model_store import Store
from app.storage.payload_store import Payloads

if TYPE_CHECKING:
    from app.serve.asgi import Asgi
    from app.serve.middleware.request_middleware import Telemetry

CLEANUP_S = 600.0
_WEB_MODULES = {
    Mode.SYNC: ["app.serve.app", "app.telemetry.tracing_setup", "app.dispatch.inline", "app.queue.worker.periodic"],
    Mode.ASYNC: ["app.serve.app", "app.telemetry.tracing_setup", "app.queue.factory", "app.queue.broker"],
}
"""What `build_api` imports."""


def build(settings: Settings) -> Components:
    """Build the objects of both modes; connect nothing. Raise SettingsError when a model or source can't be loaded."""
    modules = names(settings.models)
    trusted = frozenset(names(settings.trusted_types))
    payloads = Payloads(Path(settings.store))
    models = find_models(modules, trusted, payloads.scratch)
    _limit_graphs(settings, payloads)
    if settings.default_model not in models:
        raise SettingsError(
            f"TRINITY_DEFAULT_MODEL: no model {settings.default_model!r}; there are {', '.join(sorted(models))}"
        )
    store = Store(Path(settings.store), keep_versions=settings.keep_versions)
    approved = trusted | defined_in(modules)
    limits = CallLimits(settings.import_memory, settings.import_timeout)
    calls = IsolatedCalls(limits, [CHILD, *PRELOAD])
    adapters = sorted({type(model).__module__ for model in models.values()})
    own = IsolatedCalls(
        limits._replace(file_bytes=limits.memory_bytes),
        environment=module_environment(os.environ),
        needed=[CHILD, *modules, *adapters],
    )
    restore = IsolatedRestoring(payloads, own, calls, modules=modules, trusted=trusted, approved=approved)
    service = Service(
        models,
        settings.default_model,
        store,
        find_sources(settings.sources.split(",")),
        max_design_bytes=settings.max_design,
        max_answer_bytes=settings.max_body,
        max_loaded_bytes=settings.max_loaded,
        sample_rows=settings.sample_rows,
        stacking=settings.stacking,
        importer=Importer(store, payloads, calls, approved=approved, max_loaded_bytes=settings.max_loaded),
        restore=restore,
        files=FileWork(store, payloads, result_files(settings, payloads), restore),
    )
    if settings.events_url is not None:
        _check_events_url(settings.events_url)
    return Components(settings, service, store, payloads)


def _limit_graphs(settings: Settings, payloads: Payloads) -> None:
    """Set the limits of ONNX graphs, which are those of the whole process."""
    onnx_memory.max_bytes = settings.max_loaded + settings.max_design
    # half the time of a job: its worker then gives the reason, and is not ended with it
    isolated_graphs.limits = CallLimits(settings.import_memory, settings.timeout_predict / 2)
    isolated_graphs.scratch = payloads.scratch


def names(text: str) -> list[str]:
    """Return the names in a setting that lists some."""
    return [name for name in map(str.strip, text.split(",")) if name]


def _check_events_url(url: str) -> None:
    from app.queue.webhooks.urls import parse_url  # noqa: PLC0415  few need it

    try:
        parse_url(url)
    except Invalid as error:
        raise SettingsError(f"TRINITY_EVENTS_URL: {error.detail}") from None


def check_routes(components: Components) -> None:
    """Raise SettingsError where a module of TRINITY_ROUTES has routes that cannot be served."""
    # imported here, as in build_api
    from app.dispatch.inline import InlineDispatcher  # noqa: PLC0415
    from app.serve.app import create_app  # noqa: PLC0415

    with ThreadPoolExecutor(1) as pool:
        create_app(components.settings, components.service, InlineDispatcher(components.service, pool, 1), pool, {})


def load_web_modules(mode: Mode) -> None:
    """Import what a web process needs, but no module with models, sources or routes.

    Gunicorn's first process does this once for all processes that it forks: they start sooner, and share the memory.
    """
    for module in _WEB_MODULES[mode]:
        import_module(module)


def build_api(settings: Settings | None = None) -> Asgi:
    """Return the ASGI app for the settings, by default those of the environment; raise SettingsError."""
    # imported here, because workers and the command line use this module too and never load the HTTP entrance
    from app.serve.app import create_app  # noqa: PLC0415

    components = build(settings or load())
    components.check_store()
    settings = components.settings
    pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="work", initializer=defer_this_thread)
    telemetry = _telemetry(components)
    checks = {"store": components.store.check}
    if settings.mode is Mode.SYNC:
        from app.dispatch.inline import InlineDispatcher  # noqa: PLC0415
        from app.dispatch.kept_jobs import KeptJobs  # noqa: PLC0415

        _start_upkeep(components)
        prefer_this_thread()
        kept = KeptJobs(components.payloads)
        inline = InlineDispatcher(components.service, pool, settings.max_fits, count=telemetry.metrics.work, kept=kept)
        return create_app(settings, components.service, inline, pool, checks, telemetry=telemetry)
    from app.queue import factory  # noqa: PLC0415  sync mode keeps Celery and Redis out of memory
    from app.queue.broker import Broker, celery_app  # noqa: PLC0415

    ledger, broker = factory.ledger(settings, components.payloads), Broker(celery_app(lambda: settings))
    queued = factory.dispatcher(settings, ledger, broker, telemetry.tracing)
    checks |= {"ledger": ledger.ping, "broker": broker.ping}
    return create_app(settings, components.service, queued, pool, checks, queue_stats=ledger.stats, telemetry=telemetry)


def _telemetry(components: Components) -> Telemetry:
    """Return the metrics, the log and the traces of a web process."""
    from app.serve.middleware.request_middleware import Telemetry  # noqa: PLC0415  as in build_api
    from app.telemetry.log_records import RequestLog  # noqa: PLC0415
    from app.telemetry.logs import line_sink  # noqa: PLC0415
    from app.telemetry.metrics import ServiceMetrics  # noqa: PLC0415
    from app.telemetry.tracing_setup import tracing  # noqa: PLC0415

    settings = components.settings
    debug = settings.log_level == "debug"
    return Telemetry(
        ServiceMetrics(components.service.models.names(), inline=settings.mode is Mode.SYNC),
        RequestLog(line_sink(settings), debug=debug) if settings.logs_each_request else None,
        tracing(settings, "trinity-web"),
    )


def _start_upkeep(components: Components) -> None:
    """Start the threads that remove expired uploads and deliver events; in async mode the workers have them."""
    from app.queue.worker.periodic import start_periodic  # noqa: PLC0415

    settings = components.settings
    sweep = partial(components.payloads.sweep_uploads, kept_s=settings.result_ttl)
    sweep(time.time())
    start_periodic("payload-cleanup", lambda: sweep(time.time()), CLEANUP_S)
    if settings.events_url is not None:
        from app.queue.webhooks.registry_events import STEP_S, registry_events  # noqa: PLC0415

        start_periodic("registry-events", registry_events(settings, components.store.registry).step, STEP_S)
