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
    live, where = read_live(policy)
    loaded = load_scorer(classifier, manifest, threads, named_by="classifier")
    return moderator_of(LiveScorer(loaded, lambda _: None), threads, timeout_s, live, where)


def read_live(policy: Policy | Path | str | None) -> tuple[LivePolicy, str]:
    """Returns a policy that is parsed, in a file or the one that Tidegate carries, and where it is.

    Raises PolicyError.
    """
    where = "the policy given"
    if not isinstance(policy, Policy):
        path = DEFAULT_POLICY if policy is None else Path(policy)
        policy, where = read_policy(path), str(path)
    return LivePolicy(f"file-{digest(policy)}", policy), where


def moderator_of(
    scorer: LiveScorer, threads: int, timeout_s: float, live: LivePolicy | None = None, where: str = ""
) -> Moderator:
    """Returns a moderator that scores with the model in force. live: None, and each call names the policy.

    Raises MissingLabelError: the policy, which is in `where`, names a label that the model does not give.
    """
    if live is not None:
        require_labels(live.labels, scorer.loaded, where)
    return Moderator(Scoring(threads, timeout_s), scorer.under, live=live)


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
