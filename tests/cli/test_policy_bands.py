"""What a policy's thresholds cost a cascade, said before it is live."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import WHY, Cli, live
from tests.support.manifests import write_cascade

# The encoder reads toxicity in [0.3, 0.7). Of ten texts the screen gives 2 a score in there; a threshold at 0.9 takes
# the band to 0.95, and 3 more with it; one at 0.1 takes it down to 0.05, and 3 others.
#
#   screen    .01 .02 .06 .1 .2    .4 .5    .75 .8 .9
#                                 [------)
TRAFFIC = [0.01, 0.02, 0.06, 0.1, 0.2, 0.4, 0.5, 0.75, 0.8, 0.9]


@pytest.fixture
def cascade(tmp_path: Path) -> dict[str, str]:
    """Variables of a cascade with bands and a stated traffic."""
    manifest = write_cascade(tmp_path, {"toxicity": (0.3, 0.7)}, traffic=TRAFFIC)
    return {"TIDEGATE_CLASSIFIER": "both", "TIDEGATE_CLASSIFIER_MANIFEST": str(manifest)}


# toxicity's part of a policy, and what is said of it
COSTS: list[tuple[str, list[str]]] = [
    ("[labels.toxicity]\nflag = 0.4\nblock = 0.6", []),
    (
        "[labels.toxicity]\nflag = 0.4\nblock = 0.9",
        [
            "labels.toxicity.block: 0.9 is outside the band [0.3, 0.7) that the encoder reads",
            "the live bands widen to hold it; of the stated traffic the encoder of both then reads 50.0% of texts, "
            "not 20.0%",
        ],
    ),
    (
        '[labels.toxicity]\nflag = 0.32\n[[scopes]]\ntenant = "a.b"\nlabels.toxicity.flag = 0.1',
        [
            "labels.toxicity.flag: 0.32 is within 0.05 of the edge of the band [0.3, 0.7) that the encoder reads",
            "scopes[tenant=a.b].labels.toxicity.flag: 0.1 is outside the band [0.3, 0.7) that the encoder reads",
            "the live bands widen to hold them; of the stated traffic the encoder of both then reads 50.0% of texts, "
            "not 20.0%",
        ],
    ),
    # what a floor overrules holds nowhere; 0 is reached by every score; an empty band stays empty
    ("[labels.toxicity]\nflag = 0\nblock = 0.9\n[floors.toxicity]\nblock = 0.5\n[labels.insult]\nflag = 0.1", []),
]


@pytest.mark.parametrize(("policy", "said"), COSTS)
def test_check_shows_what_widening_a_band_costs(
    offline: Cli, tmp_path: Path, cascade: dict[str, str], policy: str, said: list[str]
) -> None:
    """Which thresholds widen a band, and the share of texts that the encoder then reads."""
    file = tmp_path / "p.toml"
    file.write_text(policy + "\n")
    ran = offline("policy", "check", str(file), **cascade)
    assert (ran.code, ran.err.splitlines()) == (0, said)
    assert "right; both gives all" in ran.out
    assert offline("policy", "check", str(file)).err == ""  # another scorer has no bands


def test_without_a_stated_traffic_the_cost_is_not_knruled(offline: Cli, tmp_path: Path) -> None:
    manifest = write_cascade(tmp_path, {"toxicity": (0.3, 0.7)})
    file = tmp_path / "p.toml"
    file.write_text("[labels.toxicity]\nflag = 0.9\n")
    ran = offline("policy", "check", str(file), TIDEGATE_CLASSIFIER="", TIDEGATE_CLASSIFIER_MANIFEST=str(manifest))
    assert "widen to hold it; what that costs is not known" in ran.err


def test_a_change_says_only_what_it_widens_itself(ruled: Cli, cascade: dict[str, str]) -> None:
    live_has = ruled("policy", "set", "labels.toxicity.flag", "0.1", *WHY, **cascade).err
    assert "labels.toxicity.flag: 0.1 is outside the band" in live_has
    ran = ruled("policy", "set", "labels.toxicity.block", "0.99", *WHY, **cascade)
    assert ran.err.splitlines()[:2] == [
        "labels.toxicity.block: 0.99 is outside the band [0.3, 0.7) that the encoder reads",
        "the live bands widen to hold it; of the stated traffic the encoder of both then reads 80.0% of texts, "
        "not 80.0%",
    ]
    assert ruled("policy", "set", "resend_s", "30", *WHY, **cascade).err.splitlines() == [
        f"policy {live(ruled)['version']} is live"
    ]


def test_another_traffic_than_the_stated_one_is_ignored(offline: Cli, tmp_path: Path, cascade: dict[str, str]) -> None:
    file = tmp_path / "p.toml"
    file.write_text("[labels.toxicity]\nflag = 0.9\n")
    assert "then reads 50.0% of texts" in offline("policy", "check", str(file), **cascade).err
    write_cascade(tmp_path, {"toxicity": (0.3, 0.7)}, traffic=[0.8] * 10)  # another file, under the old manifest
    manifest = tmp_path / "models.toml"
    other = (tmp_path / "traffic.npz").read_bytes()
    write_cascade(tmp_path, {"toxicity": (0.3, 0.7)}, traffic=TRAFFIC)
    (tmp_path / "traffic.npz").write_bytes(other)
    ran = offline("policy", "check", str(file), TIDEGATE_CLASSIFIER="", TIDEGATE_CLASSIFIER_MANIFEST=str(manifest))
    assert (ran.code, "what that costs is not known" in ran.err) == (0, True)
