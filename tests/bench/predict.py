"""One row predicted, in sync mode with everything on: against a bare ASGI callable that answers as many bytes, and
against FastAPI doing the same work; all three under the same gunicorn, uvicorn and settings."""

from statistics import median

from tests.bench import load
from tests.bench.report import Figure, in_turn, progress, ratio
from tests.bench.servers import bare, fastapi, post, trinity

ROW = b'{"data":{"X":[[0.5]]}}'
ROUNDS, ROUND_S = 20, 1  # many short ones: how the kernel spreads connections over processes is chance in each
OF_BARE, OF_FASTAPI = 0.40, 1.7


def run() -> list[Figure]:
    """At least 0.40 of the bare callable's requests per second, and 1.7 times FastAPI's."""
    progress(f"  32 keep-alive connections, client: {load.client()}")
    with trinity() as ours, fastapi() as reference:
        post(ours.url, "/fit", b"")
        answer = post(ours.url, "/predict", ROW)
        with bare(len(answer)) as yardstick:
            urls = [f"{server.url}/predict" for server in (ours, yardstick, reference)]
            for url in urls:
                load.requests_per_s(url, ROW, ROUND_S)
            rates = in_turn(ROUNDS, *(lambda url=url: load.requests_per_s(url, ROW, ROUND_S) for url in urls))
    return [
        _figure("a bare ASGI callable", rates[0], rates[1], OF_BARE),
        _figure("FastAPI", rates[0], rates[2], OF_FASTAPI),
    ]


def _figure(name: str, ours: list[float], theirs: list[float], target: float) -> Figure:
    share = ratio(ours, theirs)
    return Figure(
        f"predict, 1 row, against {name}",
        f"{median(ours):,.0f} requests/s",
        f"{median(theirs):,.0f}/s",
        share,
        f"≥ {target}",
        share >= target,
    )
