# One image for the web server (the default command, in sync mode unless TRINITY_MODE is set), Celery workers and Flower.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
# pip installs into the environment from outside and is not in the final image
RUN python -m venv --without-pip /opt/venv
# extras beside `server`, separated by commas, such as sklearn,lightgbm
ARG EXTRAS=
COPY requirements /tmp/requirements
# only wheels: no compiler is needed. Compiled to bytecode here, because containers run on a read-only root
RUN --mount=type=cache,target=/root/.cache/pip \
    set --; for extra in server $(echo "$EXTRAS" | tr , ' '); do set -- "$@" --requirement "/tmp/requirements/$extra.txt"; done \
    && pip --python /opt/venv/bin/python install --only-binary :all: --compile "$@" \
    && find /opt/venv -type d -name tests -prune -exec rm -rf {} +
COPY gunicorn.conf.py /opt/trinity/
COPY app /opt/trinity/app
# bytecode that Python never compares with the source: less disk access, and file times do not matter
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/trinity/app && chmod -R a+rX /opt/trinity

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="trinity" \
      org.opencontainers.image.description="fit, predict and score behind HTTP: inline, or queued to Celery workers" \
      org.opencontainers.image.licenses="MIT"
# Fixed ids, so that volumes keep their owner after a rebuild. A named volume takes the owner of the folder.
RUN groupadd --gid 10001 trinity \
    && useradd --uid 10001 --gid trinity --no-create-home --home-dir /tmp --shell /usr/sbin/nologin trinity \
    && install --directory --owner trinity --group trinity /var/lib/trinity
# LightGBM needs the system's OpenMP; the other libraries bring their own
ARG EXTRAS=
RUN case ",$EXTRAS," in *,lightgbm,*) \
    apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* ;; esac
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/trinity /opt/trinity
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    OPENBLAS_NUM_THREADS=1 \
    OMP_NUM_THREADS=1 \
    TRINITY_STORE=/var/lib/trinity
WORKDIR /opt/trinity
USER 10001:10001
VOLUME /var/lib/trinity
EXPOSE 5000
STOPSIGNAL SIGTERM
# A worker or Flower has no /ping: for them this only says that the process runs. The compose files have their own checks.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "import urllib.request as u; b'gunicorn' not in open('/proc/1/cmdline', 'rb').read() or u.urlopen('http://127.0.0.1:5000/ping', timeout=4)"]
CMD ["gunicorn", "app:api", "--bind", "0.0.0.0:5000"]
