"""What there is to watch: numbers for Prometheus, lines for the log, spans for a trace; none of it holds data."""
