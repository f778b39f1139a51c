"""Sections of the card on what was aimed at, and on published figures of other systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.evaluate.aims import QUIET, SOUNDING, SOUNDING_MOST
from training.evaluate.markdown import NONE, count, number, percent, table
from training.evaluate.published import PUBLISHED

Account = Mapping[str, Any]
FIGURES = {"auroc": "AUROC", "best_f1": "best F1"}


def _verdict(yes: bool) -> str:
    return "reached" if yes else "**missed**"


def aims(account: Account) -> str:
    rows = []
    for row in account["aims"]["figures"]:
        value = row["value"]
        said = NONE if value is None else _verdict(value >= row["least"])
        sets = ", ".join(f"`{name}`" for name in row["sets"])
        texts = f"{count(row['texts'])} ({count(row['positives'])})"
        rows.append(
            [
                row["kind"],
                f"`{row['label']}`",
                FIGURES[row["figure"]],
                sets,
                texts,
                number(row["least"]),
                number(value),
                said,
            ]
        )
    head = ["kind", "label", "figure", "test part of", "texts (positives)", "at least", "measured", ""]
    return table(head, rows)


def quiet_aims(account: Account) -> str:
    found = account["benign"][account["headline"]]
    rows = []
    for what, name, most in QUIET:
        if name in found:
            share = found[name]["any_not_experimental"]
            rows.append([what, count(found[name]["texts"]), percent(most), percent(share, 2), _verdict(share <= most)])
    prompts = account["aims"]["prompts"]
    if prompts["texts"]:
        share = prompts["acted_on"] / prompts["texts"]
        name = f"{SOUNDING}, for `harmful_request`"
        rows.append(
            [name, count(prompts["texts"]), percent(SOUNDING_MOST), percent(share, 2), _verdict(share <= SOUNDING_MOST)]
        )
    return table(["harmless texts", "texts", "at most", "acted on", ""], rows)


def published(account: Account) -> str:
    rows = []
    for name, ours in account["published"].items():
        for one in PUBLISHED:
            if one.set == name:
                figures = [number(value) for value in (one.accuracy, one.f1, one.auroc)]
                rows.append([f"`{name}`", one.system, *figures, one.differs, one.source])
        for label, row in ours.items():
            figures = [number(row[key]) for key in ("accuracy", "f1", "auroc")]
            here = f"{count(row['texts'])} texts of the test part, at the default threshold"
            rows.append([f"`{name}`", f"this cascade, `{label}`", *figures, here, "measured here"])
    return table(["test set", "system", "accuracy", "F1", "AUROC", "what differs", "source"], rows)


SECTIONS = {section.__name__: section for section in (aims, quiet_aims, published)}
