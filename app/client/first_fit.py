"""Makes a model ready to use: its first fit, once. Applications call this in their preparation."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.client.client import Client
from app.client.encoding import encode_request
from app.client.errors import NotFound


def fit_once(client: Client, model: str, folder: str | Path | None = None, **request: Any) -> bool:
    """Fit a model if it has no version; return whether it was fitted. Raise the error of a refused or failed fit.

        with Client("http://localhost:5000") as client:
            fit_once(client, "documents", "corpus")
            fit_once(client, "price", data={"source": "sales"}, params={"degree": 2})

    A model whose input is a file is fitted to the files of `folder`, which are sent as a zip file; `request` then has
    its parameters. Otherwise `request` has the members of the request: data, params, inputs and so on.
    """
    with suppress(NotFound):  # a model with an `estimator` does not exist before its first fit
        if client.models(model)["versions"]:
            return False
    if folder is None:
        client.submit("fit", encode_request(**request), model).result()
        return True
    with TemporaryDirectory() as scratch:
        archive = shutil.make_archive(str(Path(scratch, Path(folder).name)), "zip", folder)
        client.submit_file("fit", archive, model, **request).result()
    return True
