"""A server as a backend, through the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.cli.backend import FileResult, VerbResult
from app.client import Client, JobHandle
from app.client.encoding import encode_csv, encode_tables
from app.client.model_files import NamedFile, encode_files
from app.schemas.query import Query
from app.schemas.verbs import Verb


class RemoteBackend:
    """The models of a server."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.models, self.version = client.models, client.version
        self.set_alias, self.delete_alias, self.rollback = client.set_alias, client.delete_alias, client.rollback
        self.history, self.delete_version, self.delete_model = (
            client.history,
            client.delete_version,
            client.delete_model,
        )

    def import_file(
        self, name: str, path: Path, filename: str, sample: Path | None, query: Mapping[str, str]
    ) -> VerbResult:
        """Import a file, which is read while it is sent; raise the error of a refused request."""
        rows = None if sample is None else NamedFile("sample.csv", sample)
        result = self._client.send_file(name, encode_files(query, file=NamedFile(filename, path), sample=rows))
        return VerbResult(name, result["version"], result)

    def run(
        self, verb: Verb, content: bytes, model: str | None, query: Query, held_out: bytes | None = None
    ) -> VerbResult:
        """Run a verb on a CSV file; a fit may have the rows of a gate in another.

        Raise the error of a refused request or of a failed job.
        """
        body = encode_csv(content, **query) if held_out is None else encode_tables(content, held_out, **query)
        job = self._client.submit(verb, body, model)
        result = job.result()  # first, because the version of a fit is known at its end
        return VerbResult(job.model, job.version or 0, result)

    @contextmanager
    def run_file(
        self,
        verb: Verb,
        path: Path,
        model: str,
        version: str | None,
        options: Mapping[str, str],
        progress: Callable[[JobHandle], None],
        held_out: Path | None = None,
    ) -> Iterator[FileResult]:
        """Run a verb on a file and return its result; raise as `run` does.

        A fit may have a second file, with which its gate compares versions.
        """
        job = self._client.submit_files(verb, model, {"version": version, **options}, path, held_out, wait=False)
        job.wait(progress=progress)
        result = job.result()
        yield FileResult(job.model, job.version or 0, result, job.files(), job.save_file)
