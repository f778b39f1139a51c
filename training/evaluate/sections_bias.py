"""Sections of the card on unintended bias."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.evaluate.markdown import count, number, table

Account = Mapping[str, Any]
KEYS = ("subgroup_auc", "bpsn_auc", "bnsp_auc")


def _areas(account: Account, source: str) -> str:
    found = account["bias"][account["headline"]][source]
    rows = [[name, count(row["texts"]), *(number(row[key]) for key in KEYS)] for name, row in found.items()]
    return table(["identity", "texts", "subgroup AUC", "BPSN AUC", "BNSP AUC"], rows)


def bias_madlibs(account: Account) -> str:
    return _areas(account, "madlibs")


def bias_written(account: Account) -> str:
    return _areas(account, "written")


def bias_worst(account: Account) -> str:
    rows = []
    for role, sources in account["bias"].items():
        for source in ("madlibs", "written"):
            row = [role, source]
            for key in KEYS:
                told = {name: r[key] for name, r in sources[source].items() if r[key] is not None}
                lowest = min(told, key=lambda name: (told[name], name)) if told else None
                row.append(f"{number(told[lowest])} ({lowest})" if lowest else number(None))
            rows.append(row)
    return table(["model", "templates", "lowest subgroup AUC", "lowest BPSN AUC", "lowest BNSP AUC"], rows)


def counterfactual(account: Account) -> str:
    rows = []
    for role, sources in account["bias"].items():
        for kind, gap in sources["counterfactual"].items():
            if gap:
                numbers = [number(gap[key]) for key in ("mean_score", "mean_gap", "largest_gap")]
                rows.append([f"{role}, {kind}", f"{gap['frames']} × {gap['groups']}", *numbers])
    return table(["model, frames", "frames × groups", "mean score", "mean gap", "largest gap"], rows)


def counterfactual_groups(account: Account) -> str:
    lines = []
    for kind, gap in account["bias"][account["headline"]]["counterfactual"].items():
        if gap:
            high, low = (
                ", ".join(f"{name} {number(s, 2)}" for name, s in gap[key].items()) for key in ("highest", "lowest")
            )
            lines.append(f"- {kind} frames: highest on average {high}; lowest {low}.")
    return "\n".join(lines) or "No frames in this run."


SECTIONS = {
    section.__name__: section
    for section in (bias_madlibs, bias_written, bias_worst, counterfactual, counterfactual_groups)
}
