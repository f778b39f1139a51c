"""Sections of the card on quality: labels, sets, harmless texts, families, disguises, examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.evaluate.acted_on import ALL
from training.evaluate.markdown import NONE, count, number, percent, table
from training.evaluate.names import PLAIN

Account = Mapping[str, Any]
HEAD = ["AUROC", "AUPRC", "F1", "recall", "recall at 1% FPR", "recall at 5% FPR", "calibration error"]
KEYS = ("auroc", "auprc", "f1", "recall", "recall_at_1pct_fpr", "recall_at_5pct_fpr", "calibration_error")
POOLS = {
    "bold_wiki_benign": "encyclopedia sentences (bold_wiki_benign)",
    "dolly_benign_responses": "answers written by people (dolly_benign_responses)",
    "benign_prompts": "ordinary prompts (benign_prompts)",
    "hh_rlhf_harmless": "preferred answers of a language model (hh_rlhf_harmless)",
    "gptfuzz_responses": "answers of language models judged harmless (gptfuzz_responses)",
}


def _row(name: str, row: Mapping[str, Any]) -> list[str]:
    return [name, count(row["texts"]), count(row["positives"]), *(number(row[key]) for key in KEYS)]


def headline_figures(account: Account) -> str:
    rows = []
    for label, row in account["overall"].items():
        if label not in account["experimental"]:
            areas = [one["auroc"] for one in account["by_set"].get(label, {}).values() if one["auroc"] is not None]
            within = f"{number(sum(areas) / len(areas))} ({len(areas)})" if areas else NONE
            rows.append([*_row(f"`{label}`", row), within])
    return table(["label", "texts", "positives", *HEAD, "mean AUROC within a set (sets)"], rows)


def experimental_figures(account: Account) -> str:
    rows = []
    for label in account["experimental"]:
        for key, where in (("overall", "real texts"), ("written_overall", "sentences of ours")):
            if label in account[key]:
                rows.append(_row(f"`{label}`, {where}", account[key][label]))
    return table(["label", "texts", "positives", *HEAD], rows)


def by_set(account: Account) -> str:
    parts = []
    for label, sets in account["by_set"].items():
        told = [_row(f"`{name}`", row) for name, row in sets.items() if row["auroc"] is not None]
        few = [f"{name} {row['positives']}" for name, row in sets.items() if row["auroc"] is None]
        lines = [f"#### {label}", ""]
        if told:
            lines += [table(["set", "texts", "positives", *HEAD], told), ""]
        if few:
            lines += [f"Fewer than 25 of either answer, by positives: {', '.join(few)}.", ""]
        parts.append("\n".join(lines))
    return "\n".join(parts).rstrip()


def benign(account: Account) -> str:
    pools = account["benign"][account["headline"]]
    labels = next(iter(pools.values()))["labels"] if pools else {}
    rows = [["texts", *(count(pool["texts"]) for pool in pools.values())]]
    rows += [[f"`{label}`", *(percent(pool["labels"][label], 2) for pool in pools.values())] for label in labels]
    rows.append(["**any label**", *(percent(pool["any_not_experimental"], 2) for pool in pools.values())])
    rows.append(["any, experimental ones too", *(percent(pool["any"], 2) for pool in pools.values())])
    return table(["", *(POOLS.get(name, name) for name in pools)], rows)


def benign_suite(account: Account) -> str:
    rows = [_suite_row(kind, found) for kind, found in account["benign_suite"].items() if kind != ALL]
    rows.append(_suite_row("**all**", account["benign_suite"][ALL]))
    return table(["kind", "texts", "acted on", "share", "for"], rows)


def _suite_row(kind: str, found: Mapping[str, Any]) -> list[str]:
    often = sorted(found["labels"].items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    why = ", ".join(f"{label} {n}" for label, n in often) or NONE
    return [kind, count(found["texts"]), count(found["acted_on"]), percent(found["acted_on"] / found["texts"]), why]


def suite_figure(account: Account) -> str:
    found = account["benign_suite"][ALL]
    return f"{count(found['acted_on'])} of {count(found['texts'])} ({percent(found['acted_on'] / found['texts'])})"


def families(account: Account) -> str:
    best = account["headline"]
    roles = [role for role in account["models"] if role in account["benign"]]
    rows = []
    for name, labels in account["families"].items():
        toxic, attack = (labels.get(label) for label in ("toxicity", "identity_attack"))
        told = toxic or attack
        expected = f"{told['positives']} of {told['texts']}"
        cells = [percent(toxic["right"][role], 0) if toxic else NONE for role in roles]
        rows.append([name, expected, *cells, percent(attack["right"][best], 0) if attack else NONE])
    head = ["family", "positives", *(f"toxicity: {role}" for role in roles), f"identity_attack: {best}"]
    return table(head, rows)


def worst_families(account: Account) -> str:
    best = account["headline"]
    right = {
        name: labels["toxicity"]["right"][best]
        for name, labels in account["families"].items()
        if "toxicity" in labels and labels["toxicity"]["texts"] >= 10
    }
    worst = sorted(right, key=lambda name: (right[name], name))[:5]
    return ", ".join(f"{name} ({percent(right[name], 0)})" for name in worst) or "none with ten sentences"


def disguises(account: Account) -> str:
    found = {role: table_ for role, table_ in account["disguises"].items() if role != "texts"}
    rows = []
    for name in next(iter(found.values())):
        for share in next(iter(found.values()))[name]:
            row = [name if name == PLAIN else f"{name}, {float(share):.0%} of words"]
            for by_name in found.values():
                cells = by_name[name][share]
                row += [percent(cells["toxicity"]["recall"]), percent(cells["identity_attack"]["recall"])]
                row.append(percent(cells["toxicity"]["fpr"]))
            rows.append(row)
    head = ["disguise"]
    for role in found:
        head += [f"{role}: recall toxicity", f"{role}: recall identity_attack", f"{role}: FPR toxicity"]
    return table(head, rows)


def disguise_texts(account: Account) -> str:
    sizes = account["disguises"]["texts"]
    return ", ".join(f"{count(n)} {name if name == 'benign' else f'positives of {name}'}" for name, n in sizes.items())


def hostile(account: Account) -> str:
    found = account["hostile"]
    names = next(iter(found.values()))
    said = {True: "scored", False: "**not a probability**"}
    return table(["text", *found], [[name, *(said[passed[name]] for passed in found.values())] for name in names])


def examples(account: Account) -> str:
    rows = [
        [
            row["what"],
            row["text"],
            "yes" if row["toxic"] else "no",
            number(row["scores"]["toxicity"], 2),
            number(row["scores"]["identity_attack"], 2),
            "right" if row["right"] else "**wrong**",
        ]
        for row in account["examples"]
    ]
    return table(["what", "sentence", "toxic?", "toxicity", "identity_attack", "at the default threshold"], rows)


SECTIONS = {
    section.__name__: section
    for section in (
        headline_figures, experimental_figures, by_set, benign, benign_suite, suite_figure, families, worst_families,
        disguises, disguise_texts, hostile, examples,
    )
}  # fmt: skip
