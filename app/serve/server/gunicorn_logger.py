"""gunicorn's logger in the common log format; with `--error-logfile FILE` gunicorn writes its own format there."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger

from app.settings import Settings, SettingsError, load
from app.telemetry.logs import handler, install


class GunicornLogger(Logger):  # type: ignore[misc]
    """What gunicorn's master and processes log with; uvicorn takes over its handlers."""

    def setup(self, cfg: Any) -> None:
        """Do as the base class does, then give standard error the common form."""
        super().setup(cfg)
        try:
            settings = load()
        except SettingsError:
            settings = Settings()  # the start will end, and say why
        install(settings)
        if cfg.errorlog != "-":
            return
        for old in [each for each in self.error_log.handlers if getattr(each, "_gunicorn", False)]:
            self.error_log.removeHandler(old)
        ours: Any = handler(settings)
        ours._gunicorn = True  # noqa: SLF001  by which it knows on a reload what to take off
        self.error_log.addHandler(ours)
        self.error_log.setLevel(max(self.loglevel, self.LOG_LEVELS[settings.log_level]))
