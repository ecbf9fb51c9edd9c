"""A real Prometheus with the configuration of the stack, scraping one address often."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.servers import ROOT, free_port, until

MONITORING = ROOT / "app" / "telemetry" / "monitoring"
RULES = MONITORING / "alerts.yml"
SCRAPE_S = 1
RATE_INTERVAL = "10s"  # what Grafana would put for $__rate_interval: some scrapes

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="prometheus is not installed (apt-get install prometheus)",
)


@contextmanager
def prometheus(folder: Path, *targets: str, rules: Mapping[str, Any] | None = None) -> Iterator[httpx.Client]:
    """A client of a Prometheus that scrapes `targets`, by the stack's `rules` unless it is given others."""
    port = free_port()
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text(encoding="utf-8"))
    interval = f"{SCRAPE_S}s"
    config["global"] |= {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval}
    (job,) = config["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": list(targets)}]
    (folder / "key").write_text("")
    job["authorization"]["credentials_file"] = str(folder / "key")
    (folder / "alerts.yml").write_text(RULES.read_text(encoding="utf-8") if rules is None else yaml.safe_dump(rules))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "prometheus.log").open("wb") as log:
        command = ["prometheus", *options, f"--web.listen-address=127.0.0.1:{port}"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as http:
            until(lambda: _ready(http), "Prometheus")
            yield http
    finally:
        process.terminate()
        process.wait(10)


def query(http: httpx.Client, expression: str) -> list[Any]:
    """The series that Prometheus answers to a query, now."""
    text = expression.replace("$__rate_interval", RATE_INTERVAL)
    answer = http.get("/api/v1/query", params={"query": text})
    assert answer.status_code == 200, f"{text}: {answer.text}"
    result: list[Any] = answer.json()["data"]["result"]
    return result


def firing(http: httpx.Client) -> set[str]:
    """The names of the alerts that fire."""
    alerts = http.get("/api/v1/alerts").json()["data"]["alerts"]
    return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


def _ready(http: httpx.Client) -> bool:
    with suppress(httpx.TransportError):
        return http.get("/-/ready").status_code == 200
    return False
