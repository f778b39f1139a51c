"""Sections of the card that set models side by side: ours with one another, ours with what else runs here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.evaluate.markdown import NONE, count, number, percent, table

Account = Mapping[str, Any]


def by_model(account: Account) -> str:
    roles = list(account["models"])
    rows = []
    for label, found in account["by_model"].items():
        mark = " (experimental)" if label in account["experimental"] else ""
        cells = []
        for key in ("auroc", "recall_at_1pct_fpr", "f1"):
            cells += [number(found[role][key]) if role in found else NONE for role in roles]
        rows.append([f"`{label}`{mark}", *cells])
    names = {"auroc": "AUROC", "recall_at_1pct_fpr": "recall at 1% FPR", "f1": "F1"}
    return table(["label", *(f"{said}: {role}" for said in names.values() for role in roles)], rows)


def benign_by_model(account: Account) -> str:
    pools = next(iter(account["benign"].values()))
    rows = [
        [role, *(percent(found[name]["any_not_experimental"], 2) for name in pools)]
        for role, found in account["benign"].items()
    ]
    return table(["any label that is not experimental", *pools], rows)


def lengths(account: Account) -> str:
    roles = list(account["models"])
    rows = [
        [f"`{label}`, {size}", count(row["texts"]), count(row["positives"]), *(number(row["auroc"][r]) for r in roles)]
        for label, found in account["lengths"].items()
        for size, row in found.items()
    ]
    return table(["label, characters", "texts", "positives", *(f"AUROC: {role}" for role in roles)], rows)


def sent(account: Account) -> str:
    rows = [[name, count(pool["texts"]), percent(pool["share"])] for name, pool in account["sent"].items()]
    return table(["texts", "how many", "sent to the encoder"], rows) if rows else "No cascade in this manifest."


def trade_off(account: Account) -> str:
    if not account["trade_off"]:
        return ""
    return (
        "![AUROC of toxicity against the share of texts that the encoder reads](models/sent.svg)\n\n"
        "Drawn from the scores of both parts: the encoder reads the texts whose screen score is nearest to the default "
        "threshold. An idealised cascade of one label; the real one decides by window and by a band a label."
    )


def others(account: Account) -> str:
    rows = [
        [name, count(row["texts"]), number(row["auroc"]), number(row["auprc"])]
        for name, row in account["others"]["all_sets"].items()
    ]
    return table(["model", "texts", "AUROC", "AUPRC"], rows)


def others_by_set(account: Account) -> str:
    found = account["others"]["by_set"]
    models = list(account["others"]["all_sets"])
    rows = [
        [f"`{name}`", *(f"{number(row[m]['auroc'])} / {number(row[m]['auprc'])}" for m in models)]
        for name, row in found.items()
    ]
    return table(["set (AUROC / AUPRC)", *models], rows)


def others_answers(account: Account) -> str:
    rows = [
        [name, count(row["texts"]), *(number(row[key]) for key in ("precision", "recall", "f1", "fpr"))]
        for name, row in account["others"]["yes_or_no"].items()
    ]
    return table(["model", "texts", "precision", "recall", "F1", "FPR"], rows)


def versions(account: Account) -> str:
    return ", ".join(f"{name} {version}" for name, version in account["others"]["packages"].items())


def tfidf_rows(account: Account) -> str:
    return count(account["others"]["tfidf_rows"])


SECTIONS = {
    section.__name__: section
    for section in (
        by_model, benign_by_model, lengths, sent, trade_off, others, others_by_set, others_answers, versions,
        tfidf_rows,
    )
}  # fmt: skip
