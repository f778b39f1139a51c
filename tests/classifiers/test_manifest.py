"""What a manifest may say, and how plainly a wrong one is refused."""

from __future__ import annotations

import pytest

from tidegate.classifiers import ManifestError, UnknownModelError, load, read_manifest


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_tokns": "9"}, "models.tiny.max_tokns: unknown key"),
        ({"sha256": '"abc"'}, "models.tiny.sha256: String should match pattern"),
        ({"licence": ""}, "models.tiny.licence: Field required"),
        ({"labels": "[]"}, "models.tiny.labels: Tuple should have at least 1 item"),
        ({"labels": '["a", "a"]'}, "models.tiny: labels: one is named twice"),
        ({"labels": '["Not A Label"]'}, "models.tiny.labels.0: String should match pattern"),
        ({"prompt_labels": '["jailbreak"]'}, "models.tiny: prompt_labels: jailbreak not in labels"),
        ({"experimental": '["sexual"]'}, "models.tiny: experimental: sexual not in labels"),
        ({"overlap": "8"}, "models.tiny: overlap: 8 is not less than max_tokens 8"),
        ({"activation": '"tanh"'}, "models.tiny.activation: Input should be 'sigmoid', 'softmax' or 'none'"),
    ],
)
def test_manifest_names_the_key_at_fault(write_manifest, changes, said):
    manifest = write_manifest(**changes)
    with pytest.raises(ManifestError) as refused:
        load("tiny", manifest=manifest)
    assert f"{manifest}: {said}" in str(refused.value)
    assert str(refused.value).endswith("; no model loaded")


def test_manifest_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ManifestError, match=r"nowhere\.toml: no such file; expected a model manifest; no model loaded"):
        read_manifest(tmp_path / "nowhere.toml")


def test_manifest_that_is_not_toml_is_refused(tmp_path):
    (tmp_path / "models.toml").write_text("default = ")
    with pytest.raises(ManifestError, match="not readable as TOML"):
        read_manifest(tmp_path / "models.toml")


def test_default_must_be_a_model(write_manifest):
    manifest = write_manifest()
    manifest.write_text(manifest.read_text().replace('default = "tiny"', 'default = "large"'))
    with pytest.raises(ManifestError, match=r"default: 'large' is not among models \(tiny\)"):
        read_manifest(manifest)


def test_unknown_model_is_refused_with_those_there_are(write_manifest):
    with pytest.raises(UnknownModelError, match="no 'huge', expected one of tiny; no model loaded"):
        load("huge", manifest=write_manifest())


def test_no_name_loads_the_default(write_manifest):
    assert load(manifest=write_manifest()).name == "tiny"


CASCADE = """kind = "cascade"\nscreen = "quick"\nencoder = "slow"\nlabels = ["rudeness", "menace"]"""


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ('screen = "quick"', 'screen = "swift"', "models.both.screen: 'swift' is no plain model of this manifest, exp"),
        ('encoder = "slow"', 'encoder = "both"', "models.both.encoder: 'both' is no plain model of this manifest, exp"),
        (
            CASCADE,
            CASCADE.replace('"rudeness", "menace"', '"menace", "rudeness"'),
            "models.both.screen: quick gives rudeness, menace; expected the cascade's labels, in their order: me",
        ),
        ("menace = {low", "gloom = {low", "models.both: bands: gloom, menace: expected one band for each of labels"),
        ("low = 0.9", "low = 1.9", "models.both.bands.rudeness.low: Input should be less than or equal to 1"),
        ("low = 0.9", "low = 0.995", "models.both.bands.rudeness: low: 0.995 is above high 0.99"),
        ('budget = "None: a test."', "", "models.both.budget: Field required"),
        ('kind = "cascade"', 'kind = "waterfall"', "models.both: kind: expected model (or none) or cascade"),
        ('screen = "quick"', 'screen = "quick"\nfile = "x"', "models.both.file: unknown key"),
        ('screen = "quick"', 'screen = "quick"\ntraffic = "x"', "models.both: traffic: needs traffic_sha256"),
    ],
)
def test_cascade_entry_names_the_key_at_fault(write_cascade, was, now, said):
    manifest = write_cascade()
    text = manifest.read_text()
    assert was in text
    manifest.write_text(text.replace(was, now))
    with pytest.raises(ManifestError) as refused:
        read_manifest(manifest)
    assert f"{manifest}: {said}" in str(refused.value)


def test_parts_of_a_cascade_load_by_their_own_names(write_cascade):
    manifest = write_cascade()
    assert [load(name, manifest=manifest).name for name in ("quick", "slow", "both")] == ["quick", "slow", "both"]
