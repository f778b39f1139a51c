"""A moderator for one process: a model and a policy file, no Kafka, no Redis."""

from __future__ import annotations

from pathlib import Path

from tidegate.classifiers import labels_missing, require_labels
from tidegate.streams.core.policy.model import Policy, digest
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.installed import DEFAULT_POLICY
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.scorer import LiveScorer, load_scorer
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.policy_log.file import read_policy


def load_moderator(
    policy: Policy | Path | str | None = None,
    *,
    classifier: str = "",
    manifest: Path | None = None,
    threads: int = 1,
    timeout_s: float = 5.0,
) -> Moderator:
    """A moderator that scores as a worker does, under one policy. Close it, or use it in a `with` block.

    policy: parsed, or a TOML file; None: the policy that Tidegate carries.
    classifier: a name of the manifest, or `module:factory`; "" is the manifest's default model.
    manifest: a models.toml; None: the one that Tidegate carries.
    threads: texts are scored on so many threads.
    timeout_s: a batch of texts that takes longer is scored text by text, and a text that takes longer is a fault.

    Raises PolicyError (a file or key is wrong), SettingsError (the classifier), MissingLabelError (the policy names a
    label that the classifier does not give).

    >>> with load_moderator() as moderator:
    ...     (found,) = moderator.moderate_now(["You are a worthless idiot."])
    >>> found.verdict.action
    <Action.REVIEW: 'review'>
    >>> [reason.label for reason in found.verdict.reasons]
    ['insult', 'toxicity']
    """
    where = "the policy given"
    if not isinstance(policy, Policy):
        path = DEFAULT_POLICY if policy is None else Path(policy)
        policy, where = read_policy(path), str(path)
    loaded = load_scorer(classifier, manifest, threads, named_by="classifier")
    require_labels([*policy.labels, *policy.prompt_labels], loaded, where)
    live = LivePolicy(f"file-{digest(policy)}", policy)
    return Moderator(Scoring(threads, timeout_s), LiveScorer(loaded, lambda _: None).under, live=live)


def load_live_moderator(classifier: str, manifest: Path | None, threads: int, timeout_s: float) -> Moderator:
    """The same without a policy: each call names the one that is live. Raises SettingsError."""
    scorer = LiveScorer(load_scorer(classifier, manifest, threads), lambda _: None)
    return Moderator(Scoring(threads, timeout_s), scorer.under)


def labels_not_given(live: LivePolicy, moderator: Moderator) -> str | None:
    """Returns what is wrong, where the moderator's classifier does not give a label that the policy names; or None."""
    scorer = moderator.scorer_under(live)
    missing = labels_missing(live.labels, scorer)
    if not missing:
        return None
    return (
        f"policy {live.version}: {', '.join(missing)}: {scorer.version} does not give it; expected one of "
        f"{', '.join(scorer.labels)}"
    )
