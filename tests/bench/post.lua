-- wrk's script: POST the body in BENCH_BODY, and count answers that aren't 200
wrk.method = "POST"
wrk.body = os.getenv("BENCH_BODY")
wrk.headers["Content-Type"] = "application/json"
