"""Keep the verdicts of finished study runs for the study's page: `python scripts/keep_verdicts.py RUN...`.

Judges what the runs hold by the claims as they are now and writes docs/studies/STUDY.json; a later run wins where two
ran one experiment.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from docs_tables import ROOT

from geomem.runs.directory import Run
from geomem.spec import validate
from geomem.studies import STUDIES
from geomem.studies.runner import Request, rejudge


def keep(paths: list[Path]) -> Path:
    """Write the file and return where."""
    runs: list[dict[str, Any]] = []
    verdicts: dict[str, dict[str, Any]] = {}
    names: set[str] = set()
    for number, path in enumerate(paths):
        run = Run.open(path)
        request = validate(Request, run.info.spec["request"])
        study = STUDIES.get(request.study)
        names.add(study.name)
        found, evidence = rejudge(run, study, type(study.scales["laptop"]).model_validate(run.info.spec["settings"]))
        cores = run.info.environment["cores"]
        runs.append({
            "date": run.info.started[:10], "scale": request.scale, "seeds": run.info.seeds,
            "experiments": list(evidence), "seconds": run.info.seconds,
            "machine": f"{run.info.environment['processor']}, {cores} cores", "finding": study.finding(evidence),
            "versions": {name: run.info.versions[name] for name in ("geomem", "torch", "python")},
            "settings": run.info.spec["settings"],
        })  # fmt: skip
        for one in found:
            if one.verdict != "not-run":
                verdicts[one.claim] = {**one.model_dump(mode="json"), "run": number}
    (name,) = names
    kept = ROOT / "docs" / "studies" / f"{name}.json"
    order = [claim.id for claim in STUDIES.get(name).claims]
    rows = [verdicts[claim] for claim in order if claim in verdicts]
    kept.write_text(json.dumps({"runs": runs, "verdicts": rows}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return kept


if __name__ == "__main__":
    print(keep([Path(argument) for argument in sys.argv[1:]]))
