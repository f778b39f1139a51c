"""What a policy costs a cascade: thresholds outside the bands that its encoder reads, and the share it then reads."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from tidegate.classifiers import DEFAULT_MANIFEST, Band, CascadeEntry, ModelFileError, sample
from tidegate.classifiers.bands import MARGIN, covering_bands
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.moderation.scorer import find_entry
from tidegate.streams.operations.policy_toml import flat

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tidegate.streams.core.policy.model import Policy
    from tidegate.streams.operations.deployment import Deployment

PLACES = ("labels", "prompt_labels", "floors", "prompt_floors")


class Outside(NamedTuple):
    """A threshold that a band of the manifest does not hold."""

    key: str
    label: str
    threshold: float
    band: Band

    def __str__(self) -> str:
        low, high = self.band.low, self.band.high
        where = f"within {MARGIN:g} of the edge of" if low <= self.threshold < high else "outside"
        return f"{self.key}: {self.threshold:g} is {where} the band [{low:g}, {high:g}) that the encoder reads"


def band_warnings(deployment: Deployment, new: Policy, live: Policy | None = None) -> list[str]:
    """A line for each threshold that the bands do not hold, but for those of the live policy; and one for the cost.

    Nothing for a single model, or a scorer of somebody's own. No model is loaded. Raises ManifestError.
    """
    if ":" in deployment.classifier:
        return []
    name, entry = find_entry(deployment.classifier, deployment.classifier_manifest)
    if not isinstance(entry, CascadeEntry):
        return []
    old = _outside(entry, live) if live else []
    found = [out for out in _outside(entry, new) if out not in old]
    if not found:
        return []
    then = LivePolicy("", new).thresholds
    if live:
        now = LivePolicy("", live).thresholds
    else:
        widening = {(out.label, out.threshold) for out in found}
        now = {label: tuple(t for t in values if (label, t) not in widening) for label, values in then.items()}
    shares = [_share(deployment, entry, thresholds) for thresholds in (then, now)]
    cost = (
        "what that costs is not known: the manifest names no traffic, or a file that is not there as it was stated"
        if None in shares
        else f"of the stated traffic the encoder of {name} then reads {shares[0]:.1%} of texts, not {shares[1]:.1%}"
    )
    return [*map(str, found), f"the live bands widen to hold {'it' if len(found) == 1 else 'them'}; {cost}"]


def _outside(entry: CascadeEntry, policy: Policy) -> list[Outside]:
    holding = LivePolicy("", policy).thresholds  # without those that a floor overrules
    found = []
    for key, value in flat(policy).items():
        place, _, label = key.rpartition(".")[0].rpartition(".")
        band = entry.bands.get(label)
        if band is None or place.rpartition(".")[2] not in PLACES or value not in holding.get(label, ()):
            continue
        if covering_bands({label: band}, (), {label: [value]})[label] != band:
            found.append(Outside(key, label, value, band))
    return found


def _share(deployment: Deployment, entry: CascadeEntry, thresholds: Mapping[str, Iterable[float]]) -> float | None:
    """The share of the stated traffic's texts that the encoder reads; None where the manifest names none to read."""
    if entry.traffic is None:
        return None
    file = (deployment.classifier_manifest or DEFAULT_MANIFEST).parent / entry.traffic
    try:
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != entry.traffic_sha256:
            return None  # not the one that was stated: a worker would not load it either
        stated = sample.read(file, content, len(entry.labels))
    except (OSError, ModelFileError):
        return None
    bands = covering_bands(entry.bands, entry.idle, thresholds)
    return sample.share(stated, (bands[label] for label in entry.labels)).texts
