"""The Celery app that `celery --app app.tasks` runs, with one task for each verb."""

from __future__ import annotations

from app.bootstrap import build
from app.queue.broker import Broker, celery_app
from app.queue.messages import task_name
from app.queue.worker.lifecycle import WorkerLifecycle
from app.schemas.verbs import VERBS, Verb
from app.settings import Settings, SettingsError, load


def _settings() -> Settings:
    """Return the settings; end the process with a list of all problems if they are not valid."""
    try:
        settings = load()
    except SettingsError as error:
        raise SystemExit(f"Trinity can't start, these settings are wrong:\n{error}") from None
    if settings.broker_url is None or settings.ledger_url is None:
        raise SystemExit("Trinity can't start: a queue needs TRINITY_BROKER_URL and TRINITY_LEDGER_URL")
    return settings


queue = celery_app(_settings)
worker = WorkerLifecycle(_settings, build, Broker(queue))
worker.connect()


def _add_task(verb: Verb) -> None:
    @queue.task(name=task_name(verb))
    def run(job_ids: list[str]) -> None:
        """Run the jobs of these ids."""
        worker.run(verb, job_ids)


for each in VERBS:
    _add_task(each)
