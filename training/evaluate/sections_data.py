"""Sections of the card on what the models are and what they learned from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.evaluate.markdown import count, number, table
from training.evaluate.names import OURS
from training.label_map import PROMPT_LABELS

Account = Mapping[str, Any]


def models(account: Account) -> str:
    rows = [[f"`{m['name']}`", role, f"`{m['version']}`"] for role, m in account["models"].items()]
    return table(["model", "part", "version measured"], rows)


def headline(account: Account) -> str:
    return f"`{account['models'][account['headline']]['name']}`"


def intended_use(account: Account) -> str:
    return str(account["card"]["intended_use"])


def labels(account: Account) -> str:
    rows = []
    for label, by_set in account["positives"].items():
        real = sum(n for name, n in by_set.items() if name != OURS)
        sets = sorted((name for name in by_set if name != OURS), key=lambda name: (-by_set[name], name))
        rows.append(
            [
                f"`{label}`",
                "prompts" if label in PROMPT_LABELS else "outputs",
                "experimental" if label in account["experimental"] else "",
                count(real),
                count(by_set.get(OURS, 0)),
                ", ".join(f"{name} {count(by_set[name])}" for name in sets) or "none",
            ]
        )
    head = ["label", "asked of", "status", "real positives", "written by us", "positives by training set"]
    return table(head, rows)


def experimental(account: Account) -> str:
    lines = []
    for label, found in account["experimental"].items():
        counts = f"{count(found['real'])} real positives in training, {count(found['ours'])} sentences of ours"
        why = "fewer than 500 real ones" if found["too_few"] else "kept so by the recipe: its evidence is weak"
        lines.append(f"- `{label}`: {why} ({counts}).")
    return "\n".join(lines) or "None."


def licences(account: Account) -> str:
    rows = [[f"`{name}`", of, said] for name, (of, said) in account["card"]["sets"].items()]
    return table(["set", "class", "licence, as far as known"], rows)


def thresholds(account: Account) -> str:
    bands = account["card"]["bands"]
    rows = []
    for label, row in account["overall"].items():
        band = bands.get(label)
        asked = "never for this label" if band and band[0] == band[1] else "–"
        if band and band[0] < band[1]:
            asked = f"from {number(band[0])} to {number(band[1])}"
        rows.append([f"`{label}`", number(row["threshold"]), asked])
    return table(["label", "default threshold", "screen scores on which the encoder is asked"], rows)


def budget(account: Account) -> str:
    said = account["card"]["budget"]
    return f"The bands were chosen so: {said}." if said else "This manifest's default is a single model: no bands."


def settings(account: Account) -> str:
    asked = account["settings"]
    return (
        f"At most {count(asked['rows'])} texts of a set (`--rows`), drawn by seed {asked['seed']}; "
        f"recipe `{asked['recipe']}`"
    )


def target_fpr(account: Account) -> str:
    return f"{account['settings']['target_fpr']:.1%}"


def disguised_share(account: Account) -> str:
    return f"{account['settings']['disguised']:.0%}"


SECTIONS = {
    section.__name__: section
    for section in (
        models, headline, intended_use, labels, experimental, licences, thresholds, budget, settings, target_fpr,
        disguised_share,
    )
}  # fmt: skip
