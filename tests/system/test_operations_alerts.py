"""The alert rules: promtool's unit tests hold for each, their metrics exist, and one fires and resolves for real."""

import re
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support import servers
from tests.support.api import Api
from tests.support.prometheus import RULES, firing, needs_prometheus, prometheus, query
from tests.support.servers import ROOT, until
from tests.support.trinity import MODELS, trinity

CASES = Path(__file__).with_name("alerts.yml")
GROUPS = yaml.safe_load(RULES.read_text(encoding="utf-8"))
ALERTS = {rule["alert"]: rule for group in GROUPS["groups"] for rule in group["rules"]}
METRIC = re.compile(r"\b(trinity_\w+|up)\b(?=[{\[)]| [a-z=])")


@needs_prometheus
@pytest.mark.parametrize("command", [("check", "rules", RULES), ("test", "rules", CASES)], ids=["check", "test"])
def test_promtool_accepts_the_rules(command: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_seen_quiet_firing_and_resolved(alert: str) -> None:
    """In the cases that promtool runs; in one case each, so that the same series brings it and takes it away."""
    shapes = []
    for case in yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]:
        checks = [check for check in case["alert_rule_test"] if check["alertname"] == alert]
        shapes.append([bool(check["exp_alerts"]) for check in checks])
    assert [False, True, False] in shapes


def test_every_alert_has_a_place_in_the_documentation() -> None:
    """Each is a heading or a row of docs/operations.md, and no other alert is named there."""
    named = set(re.findall(r"`(Trinity[A-Z]\w+)`", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")))
    assert named == set(ALERTS)


def without_delay(groups: Any) -> Any:
    """The rules, each firing as soon as its condition has held for a scrape or two."""
    rules = [[{**rule, "for": "2s"} for rule in group["rules"]] for group in groups["groups"]]
    return {"groups": [{**group, "rules": own} for group, own in zip(groups["groups"], rules, strict=True)]}


def all_is_well(api: Api, http: httpx.Client) -> None:
    """Every metric that the rules use is there, and no alert fires."""
    metrics = {name for rule in ALERTS.values() for name in METRIC.findall(rule["expr"])}
    assert {"up", "trinity_up", "trinity_jobs_finished_total"} <= metrics
    api.result("fit", {})
    api.result("predict", {"data": {"X": [[0.5]]}})
    until(lambda: all(query(http, f"count({name})") for name in metrics), "every metric", 30)
    until(lambda: not firing(http), "the end of every alert", 30)


@needs_prometheus
@pytest.mark.slow
def test_no_alert_fires_in_sync_mode(tmp_path: Path) -> None:
    """It has no queue and no worker, and needs none."""
    with trinity("inline", tmp_path) as api, watched(tmp_path, api) as http:
        all_is_well(api, http)


@needs_prometheus
@pytest.mark.slow
def test_a_stopped_worker_raises_the_alert_and_a_new_one_ends_it(tmp_path: Path) -> None:
    """With web, worker, ledger and Prometheus running; no other alert fires."""
    with trinity("redis", tmp_path, workers=False) as api, watched(tmp_path, api) as http:
        settings = queued(api)
        with servers.worker(tmp_path, **settings):
            all_is_well(api, http)
        until(lambda: firing(http) == {"TrinityNoWorker"}, "the alert", 30)
        with servers.worker(tmp_path, name="worker2", **settings):
            until(lambda: not firing(http), "its end", 30)


def watched(folder: Path, api: Api) -> AbstractContextManager[httpx.Client]:
    """A Prometheus that scrapes a Trinity and raises alerts without their delays."""
    return prometheus(folder, api.http.base_url.netloc.decode(), rules=without_delay(GROUPS))


def queued(api: Api) -> dict[str, str]:
    """The settings of one more worker."""
    assert api.ledger_url is not None
    broker = api.ledger_url.removesuffix("0") + "1"
    urls = {"TRINITY_LEDGER_URL": api.ledger_url, "TRINITY_BROKER_URL": broker}
    return {"TRINITY_MODE": "async", "TRINITY_MODELS": MODELS, **urls}
