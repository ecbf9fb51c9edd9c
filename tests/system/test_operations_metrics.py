"""Several web servers of sync mode, scraped as the page says: each is a target of its own, and a sum counts all."""

from contextlib import ExitStack
from pathlib import Path

from tests.bench.http import Connection
from tests.support.prometheus import needs_prometheus, prometheus, query
from tests.support.servers import until, web

ROW = b'{"data":{"X":[[0.5]]}}'
PREDICTIONS = (3, 5)


@needs_prometheus
def test_a_sum_over_the_targets_counts_each_request_once(tmp_path: Path) -> None:
    """Of two servers that share a store, as the containers of one service do; what they share is not summed."""
    with ExitStack() as stack:
        settings = {"TRINITY_STORE": str(tmp_path / "store")}
        servers = [stack.enter_context(web(tmp_path / str(number), **settings)) for number in (1, 2)]
        with Connection(servers[0].url) as first:
            assert first.ask("POST", "/fit").status == 200
        for server, count in zip(servers, PREDICTIONS, strict=True):
            with Connection(server.url) as connection:
                assert [connection.ask("POST", "/predict", ROW).status for _ in range(count)] == [200] * count
        targets = [server.url.removeprefix("http://") for server in servers]
        http = stack.enter_context(prometheus(tmp_path, *targets))

        def value(expression: str) -> list[str]:
            return [each["value"][1] for each in query(http, expression)]

        requests = 'trinity_http_requests_total{route="/predict"}'
        until(lambda: value(f"sum({requests})") == [str(sum(PREDICTIONS))], "both servers' requests")
        assert sorted(value(requests)) == [str(count) for count in PREDICTIONS]
        assert value('sum(trinity_rows_total{verb="predict"})') == [str(sum(PREDICTIONS))]
        assert value('sum(trinity_jobs_finished_total{verb="fit",state="SUCCESS"})') == ["1"]
        assert value('max(trinity_model_version{model="polynomial"})') == ["1"]
        assert value("min(trinity_up)") == ["1"]
