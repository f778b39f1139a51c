"""Golden texts: a model that scores otherwise here than where it was made does not load."""

from __future__ import annotations

import json
import re

import pytest

from tidegate.classifiers import GoldenMismatchError, ManifestError, ModelFileError, load
from tidegate.classifiers.golden import read, write

from .conftest import sha256

SENTENCE = "rude word"  # rudeness 0.9526, menace 0.0474


@pytest.fixture
def golden(tmp_path):
    """golden(content) -> the manifest keys of a golden file that holds it."""

    def make(content) -> dict[str, str]:
        path = tmp_path / "golden.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return {"golden": '"golden.json"', "golden_sha256": f'"{sha256(path)}"'}

    return make


def one(tolerance, **scores):
    first = {"text": "word", "scores": {"rudeness": 0.0474}}
    return {"tolerance": tolerance, "texts": [first, {"text": SENTENCE, "scores": scores}]}


@pytest.mark.parametrize("scores", [{"rudeness": 0.9526, "menace": 0.0474}, {"menace": 0.0573}, {"menace": 0.0375}])
def test_scores_within_the_tolerance_load(write_manifest, golden, scores):
    assert load(manifest=write_manifest(**golden(one(0.01, **scores)))).name == "tiny"


@pytest.mark.parametrize("expected", [0.0575, 0.0373])  # off by 0.0101, either way
def test_score_outside_the_tolerance_is_refused_without_the_text(write_manifest, golden, expected, tmp_path):
    manifest = write_manifest(**golden(one(0.01, rudeness=0.9526, menace=expected)))
    with pytest.raises(GoldenMismatchError) as refused:
        load(manifest=manifest)
    said = rf"{tmp_path}/golden\.json: texts\[1\]: menace: tiny@\w+ gives 0\.0474, expected {expected} within 0\.01; "
    assert re.fullmatch(said + "no model loaded", str(refused.value))


def test_golden_label_that_the_model_lacks_is_refused(write_manifest, golden):
    manifest = write_manifest(**golden(one(0.01, gloom=0.5)))
    with pytest.raises(GoldenMismatchError, match=r"texts\[1\]: gloom: .*expected one of rudeness, menace"):
        load(manifest=manifest)


def test_cascade_is_checked_as_a_whole(write_cascade, golden):
    read_by_encoder = one(0.001, rudeness=0.9975)
    assert load(manifest=write_cascade(**golden(read_by_encoder))).name == "both"
    with pytest.raises(GoldenMismatchError, match="both@"):
        load(manifest=write_cascade(**golden(one(0.001, rudeness=0.9526))))


def test_written_file_passes_and_rounds_to_four_decimals(tiny, tmp_path):
    write(tmp_path / "g.json", tiny, [SENTENCE, "scary"], tolerance=0.0001)
    found = read(tmp_path / "g.json", (tmp_path / "g.json").read_bytes())
    assert found.texts[0].scores == {"rudeness": 0.9526, "menace": 0.0474}
    found.check(tiny, "g.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "golden.json: "),
        ('{"tolerance": 2, "texts": []}', "tolerance: Input should be less than or equal to 1"),
        (one(0.1), "texts.1.scores: Dictionary should have at least 1 item"),
        ('{"tolerance": 0.1, "texts": [{"text": "a canary", "scores": {"Bad": 1}}]}', "texts.0.scores"),
    ],
)
def test_file_of_another_shape_is_refused_without_its_texts(write_manifest, golden, content, said):
    manifest = write_manifest(**golden(content))
    with pytest.raises(ModelFileError) as refused:
        load(manifest=manifest)
    assert said in str(refused.value)
    assert str(refused.value).endswith("; no model loaded")
    assert "canary" not in str(refused.value)


def test_changed_golden_file_is_refused_by_its_hash(write_manifest, golden, tmp_path):
    manifest = write_manifest(**golden(one(1.0, menace=0.5)))
    (tmp_path / "golden.json").write_text("{}")
    with pytest.raises(ModelFileError, match=r"models\.tiny\.golden: .*golden\.json: sha256 is"):
        load(manifest=manifest)


def test_golden_needs_its_hash(write_manifest):
    with pytest.raises(ManifestError, match="golden: needs golden_sha256"):
        load(manifest=write_manifest(golden='"golden.json"'))
