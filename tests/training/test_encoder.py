"""Teacher and encoder: tiny ones learn what is known, are blind to what is masked, and export as they are."""

from __future__ import annotations

import random

import numpy as np
import pytest

pytest.importorskip("torch", reason="the encoder's training needs the train extra")
pytest.importorskip("safetensors", reason="the encoder's training needs the train extra")

import onnxruntime as ort
import torch

from training.encoder import lesson_file
from training.encoder.fit import fit, groups, logits_of, placed
from training.encoder.goes_on import SHARES, chosen, read_back
from training.encoder.graph import build, write
from training.encoder.lesson_file import DEV, DISGUISED, LESSON, MORE, Course, Lessons
from training.encoder.made import fold_scale
from training.encoder.model import CLS, SEP, Encoder, bucket, shallower, with_words
from training.encoder.teach import taught, teach, with_variations
from training.encoder.variants import varied
from training.encoder.weights import load, save

TINY = {
    "hidden_size": 32,
    "vocab_size": 60,
    "max_position_embeddings": 32,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
}
TEACHER = TINY | {"relative_attention_num_buckets": 8, "layer_norm_eps": 1e-5}
COURSE = Course(epochs=6, rate=3e-3, batch_tokens=256, trust=0.7, frozen_layers=0, seed=1)


def lessons(count=400):
    """Token 7 means the first label; the second is known of nothing. Every fourth is a disguise of the one before."""
    rng = np.random.default_rng(4)
    ids = [rng.integers(10, 60, rng.integers(3, 12)).tolist() for _ in range(count)]
    y, w = np.zeros((2, count, 2), np.float32)
    w[:, 0] = 1
    for i in range(0, count, 2):
        ids[i][1], y[i, 0] = 7, 1
    kind = np.full(count, LESSON, np.uint8)
    like = np.arange(count)
    kind[3::8], like[3::8] = DISGUISED, like[3::8] - 1
    y[3::8] = y[2::8]
    kind[-20:], w[-20:] = DEV, 0
    kind[-30:-20], w[-30:-20] = MORE, 0
    flat = np.array([token for row in ids for token in row], np.uint16)
    return Lessons(
        flat=flat,
        length=np.array(list(map(len, ids))),
        kind=kind,
        text=np.arange(count),
        window=np.zeros(count, np.int64),
        like=like,
        y=y.astype(np.uint8),
        w=w,
        names=[[12, 13], [14]],
    )


@pytest.fixture(scope="module")
def fitted():
    torch.manual_seed(0)
    model = Encoder(TINY, 2)
    with torch.no_grad():
        model.head.weight.normal_(0, 0.1)
    before = model.head.weight[1].clone()
    given = lessons()
    windows = placed(given.padded(), given.length, "cpu")
    fit(model, windows, given.y.astype(np.float32), given.w, COURSE, lambda line: None)
    return model, before, given, windows


def test_known_label_is_learned(fitted):
    model, _, given, windows = fitted
    logits = logits_of(model, windows)
    plain = given.kind == LESSON
    assert ((logits[plain, 0] > 0) == (given.y[plain, 0] == 1)).mean() > 0.95


def test_masked_label_moves_its_head_by_weight_decay_alone(fitted):
    model, before, *_ = fitted
    change = model.head.weight[1] / before
    assert float((change - change.mean()).detach().abs().max()) < 1e-4


def test_groups_hold_every_row_once_within_the_budget():
    length = lessons(100).length
    found = list(groups(length, 60, random.Random(1)))
    assert sorted(np.concatenate(found).tolist()) == list(range(100))
    assert all(len(rows) * length[rows].max() <= 60 for rows in found)


def test_lessons_and_a_word_come_back_from_their_files(tmp_path):
    given = lessons()
    lesson_file.write(tmp_path / "lessons.npz", given)
    found = lesson_file.read(tmp_path / "lessons.npz")
    assert all(np.array_equal(a, b) for a, b in zip(given[:-1], found[:-1], strict=True))
    assert found.names == given.names
    lesson_file.write_word(tmp_path / "word.npz", np.array([[0.26, -40]], np.float32))
    assert lesson_file.read_word(tmp_path / "word.npz").tolist() == [[pytest.approx(0.3), pytest.approx(-12.7)]]


@pytest.mark.parametrize("config", [TINY, TEACHER], ids=["encoder", "teacher"])
def test_weights_come_back_from_their_file_nearly(config, tmp_path):
    torch.manual_seed(1)
    model = Encoder(config, 3)
    save(model, tmp_path / "model.q")
    again = load(tmp_path / "model.q")
    for name, value in model.state_dict().items():
        assert float((again.state_dict()[name] - value).abs().max()) < 0.05 * float(value.std()) + 1e-3
    assert not list(tmp_path.glob("*.part"))


def test_new_words_start_from_those_of_their_names_at_their_size():
    model = Encoder(TINY, 2)
    old = model.words.weight.detach().clone()
    with_words(model, [[12, 13], [14]])
    assert model.words.weight.shape == (62, 32)
    assert torch.equal(model.words.weight[:60], old)
    assert torch.allclose(model.words.weight[61], old[14])
    assert float(model.words.weight[60].detach().norm()) == pytest.approx(
        float(old[[12, 13]].norm(dim=1).mean()), rel=1e-4
    )


def test_a_shallower_encoder_has_the_layers_that_were_kept():
    model = Encoder(TINY | {"num_hidden_layers": 4}, 2)
    small = shallower(model, (1, 3))
    assert len(small.layers) == 2
    assert torch.equal(small.layers[1].up.weight, model.layers[3].up.weight)


def test_variations_mix_two_windows_and_nothing_else():
    """Whole windows from CLS to SEP, of tokens that the corpus has, about half of them joined of two; by the seed."""
    rng = np.random.default_rng(3)
    length = rng.integers(8, 30, 500)
    ids = np.zeros((500, 40), np.int32)
    for i, n in enumerate(length):
        ids[i, 0], ids[i, 1 : n - 1], ids[i, n - 1] = CLS, 1000 + i, SEP
    made, found = varied(ids, length, np.arange(500), 7)
    again, _ = varied(ids, length, np.arange(500), 7)
    assert np.array_equal(made, again)
    assert not np.array_equal(made, varied(ids, length, np.arange(500), 8)[0])
    assert ((made != 0).sum(axis=1) == found).all()
    assert (made[:, 0] == CLS).all()
    assert (made[np.arange(500), found - 1] == SEP).all()
    kinds = [np.unique(row[1 : n - 1], return_counts=True)[1] for row, n in zip(made, found, strict=True)]
    assert 150 < sum((counts > 2).sum() == 1 for counts in kinds) < 400
    assert set(made[made > 999]) <= set(ids[ids > 999])


def test_a_pupil_is_taught_variations_as_the_teacher_reads_them(monkeypatch):
    given = lessons()
    windows = with_variations(given, COURSE._replace(varied=0.5), "cpu")
    more = len(windows.length) - 400
    assert more == 190
    said = np.concatenate([np.zeros((400, 2), np.float32), np.full((more, 2), 9, np.float32)])
    seen = {}
    monkeypatch.setattr(
        "training.encoder.teach.fit", lambda m, x, target, weight, c, t: seen.update(n=len(x.length), t=target)
    )
    taught(Encoder(TINY, 2), windows, given, COURSE, said, lambda line: None)
    assert seen["n"] == 380 + more
    assert (seen["t"][-more:] > 0.99).all()


def test_distance_has_a_bucket_each_way_and_far_ones_share():
    found = bucket(torch.tensor([-200, -3, -1, 0, 1, 3, 200]), 32)
    assert found.tolist() == [15, 3, 1, 0, 17, 19, 31]


def test_a_disguised_window_is_read_as_the_plain_one(monkeypatch):
    """The one that it disguises."""
    given = lessons()
    said = np.zeros((400, 2), np.float32)
    said[given.kind == DISGUISED] = 9  # what the teacher says of the disguise itself counts for nothing
    seen = {}
    monkeypatch.setattr(
        "training.encoder.teach.fit", lambda m, x, target, weight, c, t: seen.update(t=target, w=weight)
    )
    taught(Encoder(TINY, 2), placed(given.padded(), given.length, "cpu"), given, COURSE, said, lambda line: None)
    known = 0.7 * 0.5 + 0.3 * given.y[given.kind != DEV, 0]
    known[given.kind[given.kind != DEV] == MORE] = 0.5  # nobody answered there: the teacher's word alone
    np.testing.assert_allclose(seen["t"][:, 0], known, atol=1e-6)
    assert (seen["w"] > 0).all()


def test_a_slice_teaches_teacher_and_encoders(tmp_path):
    """What is there already is taken as it is."""
    lesson_file.write(tmp_path / "lessons.npz", lessons())
    names = ("teacher", "encoder-l6", "encoder-l3")
    course = COURSE._replace(epochs=2, seeds=2, varied=0.5)
    lesson_file.write_courses(tmp_path / "courses.json", dict.fromkeys(names, course))
    starts = {"teacher": tmp_path / "start-teacher.q", "encoder": tmp_path / "start-encoder.q"}
    save(Encoder(TEACHER, 2), starts["teacher"])
    save(Encoder(TINY | {"num_hidden_layers": 6}, 2), starts["encoder"])
    took = teach(tmp_path, starts, 2, lambda line: None)
    teachers = {f"teacher {number}{what}" for number in (1, 2) for what in ("", "'s word")}
    assert set(took) == {*teachers, "encoder-l6", "encoder-l3"}
    assert len(load(tmp_path / "encoder-l3.q").layers) == 3
    assert load(tmp_path / "encoder-l6.q").config["vocab_size"] == 62
    words = {path.name: lesson_file.read_word(path).shape for path in tmp_path.glob("*-word.npz")}
    assert words == {"teacher-word.npz": (590, 2), "encoder-l6-word.npz": (400, 2), "encoder-l3-word.npz": (400, 2)}
    assert teach(tmp_path, starts, 2, lambda line: None) == {}


def test_an_encoder_is_read_back_from_its_integers(tmp_path):
    torch.manual_seed(3)
    model = Encoder(TINY, 2)
    with torch.no_grad():
        model.head.weight.normal_(0, 0.1)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    write(tmp_path / "model.onnx", model.config, weights, quantized=True)
    again = read_back(tmp_path / "model.onnx", heads=4)
    for name, value in model.state_dict().items():
        steps = 63 if "layers" in name else 127
        assert float((again.state_dict()[name] - value).abs().max()) <= 0.51 * float(value.abs().max()) / steps, name
    given = lessons()
    windows = placed(given.padded(), given.length, "cpu")
    np.testing.assert_allclose(logits_of(again, windows), logits_of(model, windows), atol=0.1)


def test_all_of_our_windows_and_some_of_the_rest_are_chosen():
    given = lessons()
    sets = np.array(["contrast"] * 100 + ["sbic"] * 100 + ["other"] * 200)
    rows = chosen(given, sets, 50, 1)
    own = rows[rows < 400]
    assert not (given.kind[own] == DEV).any()
    assert {int((sets[own] == name).sum()) for name in ("contrast", "sbic")} == {100, round(100 * SHARES["hard"])}
    assert (sets[own] == "other").sum() < 100
    assert (rows >= 400).sum() == round(50 * SHARES["varied"])
    assert np.array_equal(rows, chosen(given, sets, 50, 1))


def test_an_export_gives_what_was_trained(fitted):
    """Whatever the padding; and int8 is near it."""
    model, _, given, windows = fitted
    fold_scale(model, np.array([0.5, 1.0], np.float32), np.array([0.25, 0.0], np.float32))
    expected = logits_of(model, windows)[:6]
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    for quantized, near in ((False, 1e-4), (True, 0.5)):
        graph = build(model.config, weights, quantized=quantized)
        session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
        for row, ids, length in zip(expected, given.padded(), given.length, strict=False):
            for padding in (0, 5):
                tokens = np.array([[*ids[:length], *[0] * padding]], np.int64)
                mask = np.array([[1] * length + [0] * padding])
                (out,) = session.run(["logits"], {"input_ids": tokens, "attention_mask": mask})
                np.testing.assert_allclose(out[0], row, atol=near)
