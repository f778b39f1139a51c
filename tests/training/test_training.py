"""The training pipeline: the label table, the split without leaks, the graph against the arithmetic, a small run."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="training needs the train extra")
pytest.importorskip("onnx", reason="training needs the train extra")

import onnxruntime as ort

from tidegate.classifiers import DEFAULT_MANIFEST, Cascade, load, read_manifest
from training.__main__ import RECIPE
from training.calibrate import platt
from training.contrast import contrast
from training.corpus import SPLITS, load_parts
from training.features import rows, table_rows
from training.figures import recall_at_fpr, threshold_at_fpr
from training.fit import strongest
from training.graph import Layer, build
from training.label_map import GROUPS, LABELS, NOT_TOXIC, TABLE, targets
from training.licences import LICENCES, TAUGHT_BY
from training.recipe import read_recipe
from training.run import Sources, train
from training.source import read

SMALL = read_recipe(RECIPE).model_copy(
    update={"vocab_size": 500, "bigram_rows": 997, "trigram_rows": 499, "max_tokens": 16, "overlap": 4}
)


def test_label_a_set_does_not_have_is_unknown():
    assert targets("stereoset", {"stereotype": 1.0}) == {"stereotype": (1, 0.2)}


@pytest.mark.parametrize(
    ("toxic", "expected"),
    [
        (1.0, {"toxicity": (1, 1.0)}),  # toxic: how, nobody said
        (0.0, {"toxicity": (0, 1.0)} | dict.fromkeys(NOT_TOXIC, (0, 1.0))),  # not toxic: no kind of it either
    ],
)
def test_not_toxic_denies_the_narrower_labels(toxic, expected):
    """And toxic says nothing of them."""
    assert targets("khanhhk_jigsaw_binary", {"toxic": toxic}) == expected


def test_middle_of_a_scale_is_left_out():
    assert targets("rtp_perspective", {"toxicity": 0.4}) == {}
    assert targets("rtp_perspective", {"toxicity": 0.6}) == {"toxicity": (1, 1.0)}


def test_every_row_names_a_label_and_a_set_with_a_licence():
    assert {row.label for row in TABLE} <= {*LABELS, *GROUPS}
    assert {row.set for row in TABLE} <= set(LICENCES)


def test_no_set_of_class_b_teaches_anything():
    assert {licence.of for licence in LICENCES.values()} == {"A", "A-SA", "B", "C"}
    taught_by_b = [row for row in TABLE if row.weight > 0 and LICENCES[row.set].of not in TAUGHT_BY]
    assert not taught_by_b
    recipe = read_recipe(RECIPE)
    assert {*recipe.caps, *recipe.weights} <= {row.set for row in TABLE}


def test_what_is_shipped_was_taught_by_no_set_of_class_b():
    for entry in read_manifest().models.values():
        for trained in entry.training_sets:
            assert LICENCES[trained.name].of in TAUGHT_BY
            assert trained.licence_class in (None, LICENCES[trained.name].of)


def test_hateval_in_tweeteval_and_other_languages_teach_nothing(tmp_path):
    def row(text, labels, **meta):
        return {"text": text, "labels": labels, "split": "train", "meta": meta}

    tweets = [row("one", {"hate": 1}, task="hate"), row("two", {"offensive": 1}, task="offensive")]
    jade = [row("drei", {"harmful_request": 1.0}, lang="zh"), row("three", {"harmful_request": 1.0}, lang="en")]
    for name, rows_ in (("tweeteval", tweets), ("jade_prompts", jade)):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(each) + "\n" for each in rows_)
    assert [text.text for text in read(tmp_path, "tweeteval", 0)] == ["two"]
    assert [text.text for text in read(tmp_path, "jade_prompts", 0)] == ["three"]


def test_a_graph_computes_what_was_fitted():
    """And padding makes no pairs."""
    rng = np.random.default_rng(3)
    n, labels = table_rows(SMALL), 3
    layer = Layer(
        rng.normal(size=(n, labels)).astype(np.float32),
        rng.random(n).astype(np.float32) + 0.5,
        rng.normal(size=labels).astype(np.float32),
    )
    session = ort.InferenceSession(build(layer, SMALL), providers=["CPUExecutionProvider"])
    windows = [rng.integers(1, SMALL.vocab_size, size) for size in (1, 2, 3, 7, 16)]
    ids, mask = np.zeros((2, len(windows), 16), np.int64)
    for i, window in enumerate(windows):
        ids[i, : len(window)], mask[i, : len(window)] = window, 1
    (together,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
    for i, window in enumerate(windows):
        found = rows(window, SMALL)
        assert len(found) == max(3 * len(window) - 3, 1)  # n words, n-1 pairs, n-2 triples
        expected = layer.weights[found].sum(axis=0) / np.sqrt(layer.norms[found].sum()) + layer.bias
        np.testing.assert_allclose(together[i], expected, atol=2e-3)  # weights rounded to int16
        alone = session.run(None, {"input_ids": window[None], "attention_mask": np.ones((1, len(window)), np.int64)})[0]
        np.testing.assert_array_equal(alone[0], together[i])  # to the last bit


def test_windows_that_could_sum_inexactly_are_refused():
    layer = Layer(np.ones((table_rows(SMALL), 1), np.float32), np.ones(table_rows(SMALL), np.float32), np.zeros(1))
    with pytest.raises(ValueError, match="sums of int16 pass 2"):
        build(layer, SMALL.model_copy(update={"max_tokens": 200}))


def test_strongest_window_of_each_text_is_chosen_once():
    #  text    0    0    1    1    1     2
    #  logit   1    2    5    5    0    -3      the first of equals
    chosen = strongest(np.array([1.0, 2, 5, 5, 0, -3]), np.array([0, 0, 1, 1, 1, 2]))
    assert chosen.tolist() == [False, True, True, False, False, True]


def test_threshold_keeps_false_positives_within_the_rate():
    negatives = np.arange(100) / 100  # 0.00 .. 0.99; 2% of 100 are two: 0.98 and 0.99
    assert threshold_at_fpr(negatives, 0.02) == pytest.approx(0.971)
    y = np.array([0] * 100 + [1, 1])
    assert recall_at_fpr(y, np.append(negatives, [0.975, 0.5]), 0.02) == 0.5


def test_platt_recovers_slope_and_shift():
    """Those that made the answers."""
    rng = np.random.default_rng(0)
    logit = rng.normal(size=20_000)
    y = (rng.random(20_000) < 1 / (1 + np.exp(-(2 * logit - 1)))).astype(float)
    slope, shift = platt(y, logit, np.ones(20_000))
    assert slope == pytest.approx(2, abs=0.1)
    assert shift == pytest.approx(-1, abs=0.1)


def test_no_text_is_in_two_splits(data):
    parts, counts = load_parts(data, read_recipe(RECIPE), 400)
    keys = {split: {"".join(filter(str.isalnum, t.lower())) for t in parts[split].texts} - {""} for split in SPLITS}
    assert not keys["train"] & keys["dev"]
    assert not keys["train"] & keys["test"]
    assert not keys["dev"] & keys["test"]
    assert counts["train"]["rows"] == len(parts["train"].texts)


def test_missing_sets_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no toxic_spans, .*; nothing was trained"):
        load_parts(tmp_path, SMALL, None)


def test_template_of_a_held_out_sentence_is_not_trained_on(data):
    parts, _ = load_parts(data, read_recipe(RECIPE), None)
    template_of = {sentence.text: sentence.template for sentence in contrast(read_recipe(RECIPE).seed)}
    templates = {
        split: {template_of[t] for t, s in zip(p.texts, p.sets, strict=True) if s == "contrast"}
        for split, p in parts.items()
    }
    assert all(len(found) > 50 for found in templates.values())
    assert not templates["train"] & (templates["dev"] | templates["test"])


@pytest.mark.timeout(600)
def test_a_recipe_gives_a_cascade_and_the_same_one_again(data, tmp_path):
    """All of a run but the encoder's own training, which needs torch: the committed one is taken."""
    recipe = read_recipe(RECIPE).model_copy(
        update=SMALL.model_dump(include={"vocab_size", "bigram_rows", "trigram_rows"}) | {"distil_windows": 300}
    )
    said: list[str] = []
    for run in ("one", "two"):
        train(
            data=data,
            out=tmp_path / run,
            results=tmp_path / run,
            recipe=recipe,
            slice_rows=12,
            sources=Sources(encoder=DEFAULT_MANIFEST),
            tell=said.append,
        )
    assert any("distilled and calibrated on dev" in line for line in said)
    one, two = (read_manifest(tmp_path / run / "models.toml") for run in ("one", "two"))
    assert one == two
    account = json.loads((tmp_path / "one" / f"{recipe.name}.json").read_text())
    assert account["slice_rows"] == 12
    assert account["experimental"] == list(LABELS)  # a slice has too few positives of any
    cascade = load(manifest=tmp_path / "one" / "models.toml")
    assert isinstance(cascade, Cascade)
    assert cascade.labels == LABELS
