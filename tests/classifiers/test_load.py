"""A file that is not the registered one, or does not do what is registered, is refused at load."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import pytest

from tidegate.classifiers import (
    MissingLabelError,
    ModelFileError,
    ModelMismatchError,
    Scored,
    labels_missing,
    load,
    require_labels,
)


@pytest.mark.parametrize(("key", "file"), [("file", "model.onnx"), ("tokenizer", "tokenizer.json")])
def test_changed_file_is_refused_by_its_hash(write_manifest, tmp_path, key, file):
    manifest = write_manifest()
    with (tmp_path / "tiny" / file).open("ab") as changed:
        changed.write(b"\n")
    with pytest.raises(ModelFileError, match=rf"models\.tiny\.{key}: .*{file}: sha256 is \w+, expected \w+; no model"):
        load("tiny", manifest=manifest)


@pytest.mark.parametrize(("key", "file"), [("file", "model.onnx"), ("tokenizer", "tokenizer.json")])
def test_missing_file_is_refused(write_manifest, tmp_path, key, file):
    manifest = write_manifest()
    (tmp_path / "tiny" / file).unlink()
    with pytest.raises(ModelFileError, match=rf"models\.tiny\.{key}: .*: No such file or directory; expected a file"):
        load("tiny", manifest=manifest)


@pytest.mark.parametrize("key", ["file", "tokenizer"])
def test_file_of_another_kind_is_refused(write_manifest, tmp_path, key):
    write_manifest()
    (tmp_path / "tiny" / "other").write_bytes(b"other")
    hashed = hashlib.sha256(b"other").hexdigest()
    name = {"file": "sha256", "tokenizer": "tokenizer_sha256"}[key]
    with pytest.raises(ModelFileError, match=r"not an? (ONNX model|tokenizer)"):
        load("tiny", manifest=write_manifest(**{key: '"tiny/other"', name: f'"{hashed}"'}))


def test_label_count_that_is_not_the_output_width_is_refused(write_manifest):
    manifest = write_manifest(labels='["rudeness", "menace", "gloom"]')
    with pytest.raises(ModelMismatchError, match="output logits gives 2 numbers a text, expected 3"):
        load("tiny", manifest=manifest)


def test_window_without_room_for_text_is_refused(write_manifest):
    # 4 tokens less [CLS] and [SEP] leave 2, which an overlap of 2 would never get past.
    with pytest.raises(ModelMismatchError, match="max_tokens 4 leaves 2 tokens for text beside 2 special ones"):
        load("tiny", manifest=write_manifest(max_tokens="4"))


def test_version_changes_with_anything_a_score_depends_on(write_manifest):
    one = load("tiny", manifest=write_manifest()).version
    same = load("tiny", manifest=write_manifest(summary='"Other words."')).version
    other = load("tiny", manifest=write_manifest(overlap="3")).version
    assert re.fullmatch(r"tiny@[0-9a-f]{8}", one)
    assert one == same != other


class Twin:
    """A scorer for tests elsewhere: satisfies the protocol without a model."""

    labels = ("toxicity", "insult")
    version = "twin@0"

    def score(self, texts, *, explain=False):
        return Scored(np.zeros((len(texts), 2), np.float32))


def test_labels_nobody_gives_are_named_once_in_order():
    assert labels_missing(["threat", "toxicity", "sexual", "threat"], Twin()) == ("threat", "sexual")
    assert labels_missing(["insult"], Twin()) == ()


def test_policy_with_a_label_no_model_gives_is_refused():
    require_labels(["toxicity"], Twin(), "policy.toml: labels")
    said = "policy.toml: labels: threat: twin@0 does not give it; expected one of toxicity, insult; refused"
    with pytest.raises(MissingLabelError) as refused:
        require_labels(["toxicity", "threat"], Twin(), "policy.toml: labels")
    assert str(refused.value) == said
