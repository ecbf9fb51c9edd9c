"""Whether a model can be restored from what its version would store."""

from __future__ import annotations

import msgspec

from app.service.contract.findings import Finding
from app.service.contract.model_case import ModelCase
from app.service.model_calls import save_model
from app.service.restoring import check_restored


def check_restore(case: ModelCase) -> list[Finding]:
    """Restore the model from the state that its version would store; raise ModelFailed if predictions then differ."""
    model = case.fit()
    stored = save_model(model)
    derived = [sentence.partition(" is not stored")[0] for sentence in model.unkept()]
    check_restored(case.estimator, model, stored, case.checked(model), case.restore)
    kept_bytes = sum(len(content) for content in stored.files.values()) + len(msgspec.json.encode(stored.learned))
    findings = [Finding("restore", "ok", f"predicts as before, from {kept_bytes:,} bytes")]
    if case.estimator.files is not None:  # such a class keeps whatever it likes, and makes it again
        return findings
    # an attribute that the restored model lacks would have raised an error
    how = f"not stored, but made again: {', '.join(derived)}" if derived else "all are stored"
    return [*findings, Finding("attributes", "ok", how)]
