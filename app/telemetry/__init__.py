"""Telemetry: metrics for Prometheus, log lines, and spans of traces; none of it contains callers' data."""
