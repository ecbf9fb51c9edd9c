"""gunicorn's logger in the common log format; with `--error-logfile FILE` gunicorn writes its own format there."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger

from app.settings import Settings, SettingsError, load
from app.telemetry.logs import handler, install


class GunicornLogger(Logger):  # type: ignore[misc]
    """The logger of gunicorn's master and worker processes; uvicorn uses its handlers."""

    def setup(self, cfg: Any) -> None:
        """Set up the base class, then use the common log format for standard error."""
        super().setup(cfg)
        try:
            settings = load()
        except SettingsError:
            settings = Settings()  # the start fails later, and reports the reason
        install(settings)
        if cfg.errorlog != "-":
            return
        for old in [each for each in self.error_log.handlers if getattr(each, "_gunicorn", False)]:
            self.error_log.removeHandler(old)
        ours: Any = handler(settings)
        ours._gunicorn = True  # noqa: SLF001  on a reload gunicorn removes the handlers with this mark
        self.error_log.addHandler(ours)
        self.error_log.setLevel(max(self.loglevel, self.LOG_LEVELS[settings.log_level]))
