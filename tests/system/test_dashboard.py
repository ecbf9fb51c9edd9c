"""The dashboard and Prometheus' configuration: a real one scrapes each mode and answers every query with data."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.api import Api, Mode
from tests.support.servers import ROOT, free_port, until
from tests.support.trinity import trinity

MONITORING = ROOT / "app" / "telemetry" / "monitoring"
DASHBOARD = json.loads((MONITORING / "grafana" / "dashboards" / "trinity.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = sorted({target["expr"] for panel in PANELS for target in panel["targets"]})
SCRAPE_S = 1
INTERVAL = "10s"  # what Grafana would put for $__rate_interval: some scrapes

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="prometheus is not installed (apt-get install prometheus)",
)


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[httpx.Client]:
    """A Prometheus with the configuration of the stack, asking one address often; its own port and folder."""
    port = free_port()
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] |= {"scrape_interval": f"{SCRAPE_S}s", "scrape_timeout": f"{SCRAPE_S}s"}
    (job,) = config["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [target]}]
    (folder / "key").write_text("")
    job["authorization"]["credentials_file"] = str(folder / "key")
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "prometheus.log").open("wb") as log:
        command = ["prometheus", *options, f"--web.listen-address=127.0.0.1:{port}"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as http:
            until(lambda: ready(http), "Prometheus")
            yield http
    finally:
        process.terminate()
        process.wait(10)


def ready(http: httpx.Client) -> bool:
    try:
        return http.get("/-/ready").status_code == 200
    except httpx.TransportError:
        return False


def asked(http: httpx.Client, query: str) -> list[Any]:
    """What Prometheus answers to a query of the dashboard, now."""
    answer = http.get("/api/v1/query", params={"query": query.replace("$__rate_interval", INTERVAL)})
    assert answer.status_code == 200, f"{query}: {answer.text}"
    result: list[Any] = answer.json()["data"]["result"]
    return result


def busy(api: Api) -> None:
    """Something for every number to tell of."""
    api.result("fit", {})
    for verb, data in (("predict", {"X": [[0.5]]}), ("score", {"X": [[0.5], [1.0]], "y": [1.0, 2.0]})):
        api.result(verb, {"data": data})
    api.http.get("/nothing")


@needs_prometheus
@pytest.mark.slow
@pytest.mark.parametrize("mode", ["inline", "redis"])
def test_every_query_of_the_dashboard_has_data(tmp_path: Path, mode: Mode) -> None:
    with trinity(mode, tmp_path) as api, prometheus(tmp_path, str(api.http.base_url.netloc.decode())) as http:
        left = set(QUERIES)

        def answered() -> bool:
            busy(api)
            left.difference_update([query for query in left if asked(http, query)])
            return not left

        try:
            until(answered, "data for every query", 60)
        except TimeoutError:
            pytest.fail(f"no data for {sorted(left)}")
        assert asked(http, "up == 1"), "Prometheus can't read /metrics"


@needs_prometheus
def test_the_configuration_is_one_that_prometheus_takes(tmp_path: Path) -> None:
    """As it stands, but for the file that the container makes."""
    text = (MONITORING / "prometheus.yml").read_text(encoding="utf-8")
    (tmp_path / "key").write_text("")
    (tmp_path / "prometheus.yml").write_text(text.replace("/tmp/key", str(tmp_path / "key")))  # noqa: S108
    done = subprocess.run(
        ["promtool", "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_has_its_rows_and_its_source() -> None:
    """Panels lie in the grid without overlap, and ask the source that is provisioned."""
    titles = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert titles == ["Traffic", "Latency", "Queue", "Jobs", "Workers", "Models"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    provisioned = yaml.safe_load((MONITORING / "grafana/provisioning/datasources/prometheus.yaml").read_text())
    (source,) = provisioned["datasources"]
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        assert panel["description"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {source["uid"]}
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken
        taken |= cells
