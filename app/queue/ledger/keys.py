"""The ledger's keys that Python reads. common.lua has the same ones, and the scripts write them."""

JOB = "trinity:job:"
GONE = "trinity:gone:"
LANE = "trinity:lane:"
JOBS = "trinity:jobs"
CHANNEL = "trinity:events"
