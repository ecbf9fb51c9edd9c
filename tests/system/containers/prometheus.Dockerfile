# Debian's Prometheus where the official image has its own, to try the wiring of the stack without a registry.
FROM debian:trixie-slim
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends prometheus wget >/dev/null \
    && rm -rf /var/lib/apt/lists/* /etc/prometheus/* /var/lib/prometheus \
    && mkdir /prometheus && chown nobody: /prometheus
WORKDIR /prometheus
VOLUME /prometheus
ENTRYPOINT ["/usr/bin/prometheus"]
