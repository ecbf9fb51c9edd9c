"""Makes the detector ready to use: its first version, without labels, if it has none.

python -m examples.object_detection.prepare http://localhost:5000
"""

import sys

import httpx

MODEL = "models/detector"
WAIT_S = 60


def main(base_url: str) -> None:
    """Fit the detector once; raise an error of httpx if the service refuses."""
    with httpx.Client(base_url=base_url, timeout=WAIT_S + 10) as http:
        if not http.get(MODEL).raise_for_status().json()["versions"]:
            http.post(f"{MODEL}/fit", json={}, headers={"Prefer": f"wait={WAIT_S}"}).raise_for_status()


if __name__ == "__main__":
    main(sys.argv[1])
