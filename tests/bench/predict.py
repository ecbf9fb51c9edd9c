"""One row predicted, in sync mode with everything on, against a bare ASGI callable that answers as many bytes."""

from statistics import median

from tests.bench import load
from tests.bench.report import Figure, in_turn, progress, ratio
from tests.bench.servers import bare, post, trinity

ROW = b'{"data":{"X":[[0.5]]}}'
ROUNDS, ROUND_S = 25, 1  # many short ones: how the kernel spreads connections over processes is chance in each


def run() -> list[Figure]:
    """At least 0.6 of the bare callable's requests per second."""
    progress(f"  32 keep-alive connections, client: {load.client()}")
    with trinity() as ours:
        post(ours.url, "/fit", b"")
        answer = post(ours.url, "/predict", ROW)
        with bare(len(answer)) as yardstick:
            urls = [f"{server.url}/predict" for server in (ours, yardstick)]
            for url in urls:
                load.requests_per_s(url, ROW, ROUND_S)
            mine, bares = in_turn(ROUNDS, *(lambda url=url: load.requests_per_s(url, ROW, ROUND_S) for url in urls))
    share = ratio(mine, bares)
    return [
        Figure(
            "predict, 1 row",
            f"{median(mine):,.0f} requests/s",
            f"bare ASGI callable {median(bares):,.0f}/s",
            share,
            "≥ 0.6",
            share >= 0.6,
        )
    ]
