"""The dashboard and the configuration of Prometheus: a real one scrapes each mode and answers every query."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.api import Api, Mode
from tests.support.prometheus import MONITORING, needs_prometheus, prometheus, query
from tests.support.servers import until
from tests.support.trinity import trinity

DASHBOARD = json.loads((MONITORING / "grafana" / "dashboards" / "trinity.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = sorted({target["expr"] for panel in PANELS for target in panel["targets"]})


def busy(api: Api) -> None:
    """A Trinity with data for every metric."""
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
            left.difference_update([each for each in left if query(http, each)])
            return not left

        try:
            until(answered, "data for every query", 60)
        except TimeoutError:
            pytest.fail(f"no data for {sorted(left)}")
        assert query(http, "up == 1"), "Prometheus can't read /metrics"


@needs_prometheus
def test_prometheus_accepts_the_configuration(tmp_path: Path) -> None:
    """Unchanged, except for the file that the container makes."""
    text = (MONITORING / "prometheus.yml").read_text(encoding="utf-8")
    (tmp_path / "key").write_text("")
    (tmp_path / "alerts.yml").write_bytes((MONITORING / "alerts.yml").read_bytes())
    (tmp_path / "prometheus.yml").write_text(text.replace("/tmp/key", str(tmp_path / "key")))  # noqa: S108
    done = subprocess.run(
        ["promtool", "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_has_its_rows_and_its_source() -> None:
    """Panels lie in the grid without overlap, and use the provisioned data source."""
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
