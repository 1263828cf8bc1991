"""A run -> what the page says about it: its summary, tables of settings and versions, flags in words, phases."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from infoplane import flags
from infoplane.errors import InputError
from infoplane.io.files import clean
from infoplane.plotting.ceilings import ceilings_among
from infoplane.report.gather import Run

_OUTCOME = ("state", "reason", "started", "ended", "seconds", "steps_done", "seed", "data_checksum")


def summary(run: Run) -> str:
    """One line: how much there is."""
    steps = [row["step"] for row in run.trajectory if row["step"] is not None]
    layers = len({row["layer"] for row in run.trajectory})
    reach = f", steps {min(steps)} to {max(steps)}" if steps else ""
    state = f", {run.record['state']}" if run.record.get("state") else ""
    return f"{len(run.trajectory)} rows, {layers} {'layer' if layers == 1 else 'layers'}{reach}{state}"


def facts_for_plane(meta: Mapping[str, Any], units: str) -> dict[str, Any]:
    """What the axes need: the measurement model, the unit, and the ceilings in this unit."""
    known = ceilings_among(meta, units=units, wanted=True)
    ceilings = [asdict(ceiling) | {"text": ceiling.text} for ceiling in known]
    several = len(meta.get("estimators") or {}) > 1  # then the axes are not one estimator's: its name is in the table
    measurement = "" if several else clean(meta.get("measurement") or "")
    return {"measurement": measurement, "units": units, "ceilings": ceilings}


def units_of(run: Run) -> str:
    """The unit of the run's first row, bits where it names none."""
    return next((row["units"] for row in run.trajectory if row["units"]), "bits")


def tables(run: Run) -> list[tuple[str, list[tuple[str, str]]]]:
    """Titles with rows of name and value: outcome, settings, versions, data and measurement, where known."""
    outcome = {name: run.record.get(name) for name in _OUTCOME}
    parts = {
        "Outcome": outcome,
        "Settings": run.record.get("settings") or {},
        "Versions": run.record.get("versions") or {},
        "Data and measurement": run.trajectory.meta,
    }
    titled: list[tuple[str, list[tuple[str, str]]]] = []
    for title, part in parts.items():
        rows = [(clean(name), in_short(value)) for name, value in part.items() if value is not None]
        if rows:
            titled.append((title, rows))
    return titled


def phases_of(run: Run) -> dict[str, Any]:
    """The table of the run's phases and what was looked at; the reason where there are none."""
    from infoplane.phases import phases

    try:
        found = phases(run.trajectory)
    except InputError as error:
        return {"name": run.name, "heads": [], "rows": [], "note": clean(error)}
    heads, rows = found.table()
    return {"name": run.name, "heads": heads, "rows": rows, "note": clean(found.note())}


def in_short(value: Any) -> str:
    """A setting as a person reads it."""
    if isinstance(value, str):
        return clean(value)
    return clean(json.dumps(value, ensure_ascii=False, default=str))


def warnings(run: Run) -> list[tuple[str, str, str, int, str]]:
    """Rows of run, layer, flag, number of rows that carry it, and what it says."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in run.trajectory:
        counts.update((str(row["layer"]), flag) for flag in row["flags"] if flag != "green")
    return [(run.name, layer, flag, count, flags.read(flag).words) for (layer, flag), count in counts.items()]
