"""The rows of a labelled set as texts with answers: what its file says in another way than the label table asks."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from training.contrast import contrast
from training.label_map import targets

# Categories of harmful_prompts that ask for what a label of ours names.
REQUESTED = {
    "violence": ("Violence", "Physical Harm", "Physical harm", "Hate/Harass/Violence"),
    "sexual": ("Adult Content", "Sexual content", "Sexual/Adult content"),
}
# And those that ask for what a provider may not give, and harms nobody.
NO_HARM = ("copyright", "Tailored Financial Advice", "Expert advice", "Government decision-making")
ASKING = ("Unsafe_Instruction_Topic",)  # of xsafety_prompts: most of its other categories tell, and ask for nothing
HATEVAL = "hate"  # the task of tweeteval that is HatEval, for research alone: class B
DEV_ONLY = frozenset({"madlibs_intersectional"})
# Sets that come without a split of that name, and get a tenth of another.
CARVED = {"bold_wiki_benign": ("train", "test"), "gptfuzz_responses": ("train", "dev")}
QUESTIONS = {"caia_questions": "caia_safe_replies", "counsel_questions": "counsel_replies"}  # the other side of these

# Answers to "do you agree?" open with the answer; kept, "I agree" itself would come to mean stereotype.
_OPENER = re.compile(r"^\W*(I (strongly |completely |totally )?(dis)?agree[^.!?\n]{0,40}|yes|no)[.,:!\n]+\s*", re.I)


class Text(NamedTuple):
    """One labelled text: `known` maps our label to (1 or 0, weight)."""

    set: str
    split: str
    text: str
    known: dict[str, tuple[int, float]]


def file_of(data: Path, name: str) -> Path:
    """The file that holds the set's rows."""
    return data / f"{QUESTIONS.get(name, name)}.jsonl.gz"


def rows_of(data: Path, name: str) -> Iterator[dict[str, Any]]:
    """The rows of the set's file as they stand, each with the split that is ours."""
    carved = CARVED.get(name)
    with gzip.open(file_of(data, name), "rt", encoding="utf-8") as lines:
        for line in lines:
            row: dict[str, Any] = json.loads(line)
            # Answers to one question stay together.
            if carved and row["split"] == carved[0] and key(row.get("context") or row["text"])[0] % 10 == 0:
                row["split"] = carved[1]
            if name in DEV_ONLY:
                row["split"] = "dev"
            yield row


def read(data: Path, name: str, seed: int) -> Iterator[Text]:
    """The set's texts of which the label table knows something."""
    if name == "contrast":
        for sentence in contrast(seed):
            # Whole templates are held out: a sentence of one that was trained on measures nothing.
            split = ("dev", "test", *["train"] * 8)[key(sentence.template)[0] % 10]
            yield Text(name, split, sentence.text, targets(name, sentence.known))
        return
    for row in rows_of(data, name):
        known, text = targets(name, _raw(name, row)), sentence_of(name, row)
        if known and text:
            yield Text(name, row["split"], text, known)


def sentence_of(name: str, row: dict[str, Any]) -> str:
    """What of the row is read."""
    if name == "decodingtrust_stereotype":
        return _OPENER.sub("", row["text"]).strip()
    if name in QUESTIONS:
        return str(row.get("context") or "").strip()
    return str(row["text"])


def key(text: str) -> bytes:
    """The same for texts whose letters and digits are."""
    return hashlib.sha256("".join(filter(str.isalnum, text.lower())).encode("utf-8", "replace")).digest()[:16]


def _raw(name: str, row: dict[str, Any]) -> dict[str, float]:
    """The row's labels, and those that the table wants and the set says in another way."""
    labels: dict[str, float] = row["labels"]
    meta: dict[str, Any] = row.get("meta") or {}
    if meta.get("lang") not in (None, "en", "English") or (name == "tweeteval" and meta["task"] == HATEVAL):
        return {}  # another language, machine translations among them: the models are English
    if name == "decodingtrust_stereotype":
        return labels | {"not_rejecting": 1 - labels["rejects_stereotype"]}
    if name == "harmful_prompts":
        asked = {label: 1.0 for label, named in REQUESTED.items() if meta.get("category") in named}
        return labels | asked | ({} if meta.get("category") in NO_HARM else {"asks_for_harm": 1.0})
    if name == "xsafety_prompts" and meta["category"] in ASKING:
        return labels | {"asks_for_harm": 1.0}
    if name == "hatexplain":
        return labels | {"hate_or_offensive": max(labels["hate"], labels["offensive"])}
    if name in QUESTIONS:
        return {"harmless": 1.0}
    return labels
