"""What the answers of all APIs take from a verdict: scores and actions per category, redacted texts, headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tidegate.streams.core.decide import Judged, Verdict
from tidegate.streams.core.events import Action, Span
from tidegate.streams.wire.http.refused import Unscored

Row = tuple[Judged, Verdict]  # one moderated completion, in the order of the request's completions


def scored(results: Sequence[Row], expected: int) -> Sequence[Row]:
    """Returns the rows; raises Unscored at the first fault, whatever `faults` in the policy asks for.

    An API without a field for faults must not read "not flagged": its client decides, as on any 503.
    """
    if len(results) != expected:
        raise ValueError(f"results: found {len(results)} rows; expected {expected}, one a completion")
    for i, (judged, _) in enumerate(results):
        if judged.fault is not None:
            raise Unscored(i)
    return results


def score_of(judged: Judged, labels: Iterable[str]) -> float:
    """The highest score of those labels, of the completion or its prompt; 0.0 where the model has none of them."""
    scores, of_prompt, highest = judged.scores, judged.prompt_scores, 0.0
    for label in labels:
        highest = max(highest, scores.get(label, 0.0), of_prompt.get(label, 0.0))
    return highest


def action_of(verdict: Verdict, labels: Iterable[str]) -> Action:
    """The strongest action that those labels ask for: `allow` where none of them reached a threshold."""
    if not verdict.reasons:
        return Action.ALLOW  # most texts: each API asks for a dozen categories
    wanted = set(labels)
    actions = (reason.action for reason in verdict.reasons if reason.label in wanted)
    return max(actions, key=lambda action: action.strength, default=Action.ALLOW)


def is_flagged(action: Action) -> bool:
    """Whether an action is `flag` or stronger."""
    return action.strength >= Action.FLAG.strength


def labels_of(verdict: Verdict, at_least: Action = Action.FLAG) -> tuple[str, ...]:
    """The labels that ask for that action or a stronger one, the strongest first, each once."""
    return tuple(
        dict.fromkeys(reason.label for reason in verdict.reasons if reason.action.strength >= at_least.strength)
    )


def strongest(results: Sequence[Row]) -> Action:
    """The strongest action of all rows; `allow` of none."""
    return max((verdict.action for _, verdict in results), key=lambda action: action.strength, default=Action.ALLOW)


def answer_headers(results: Sequence[Row], unsupported: Sequence[str] = ()) -> dict[str, str]:
    """Headers beside an API's own body: the action (also of labels that it has no name for), versions, and what is
    unsupported. Values are ASCII.
    """
    headers = {"x-tidegate-action": strongest(results).value}
    if results:
        verdict = results[0][1]
        headers["x-tidegate-policy-version"] = _ascii(verdict.policy_version)
        headers["x-tidegate-model-version"] = _ascii(verdict.model_version)
    if unsupported:
        headers["x-tidegate-unsupported"] = ", ".join(unsupported)
    return headers


def scored_labels(results: Sequence[Row]) -> frozenset[str]:
    """The labels that any row has a score of."""
    return frozenset(label for judged, _ in results for label in (*judged.scores, *judged.prompt_scores))


def redact(text: str, spans: Iterable[Span], mask: str) -> str:
    """Returns the text with a mask in place of each span; of spans that overlap or touch, one mask.

    spans: code points `[start, end)`, in any order; what lies beyond the text is left out.
    """
    pieces: list[str] = []
    at = 0  # where what is not written yet begins
    hidden = -1  # the end of the last mask
    for start, end in sorted((span.start, min(span.end, len(text))) for span in spans):
        if end <= start:
            continue
        if start > hidden:
            pieces += (text[at:start], mask)
        hidden = at = max(hidden, end)
    return "".join((*pieces, text[at:]))


def spans_of(row: Row, choice: int = 0) -> tuple[Span, ...]:
    """The spans of one choice: a label's spans are of the choice that gave its score."""
    judged, verdict = row
    return tuple(span for span in verdict.spans if judged.choice_of.get(span.label, 0) == choice)


def utf16_offsets(text: str, offsets: Iterable[int]) -> Mapping[int, int]:
    """Each offset in code points -> the same place in UTF-16 units; one beyond the text is its end."""
    wanted = sorted(set(offsets))
    if text.isascii():
        return {offset: min(offset, len(text)) for offset in wanted}
    found: dict[int, int] = {}
    at = units = 0
    for offset in wanted:
        piece = text[at:offset]
        units += len(piece) + sum(character > "\uffff" for character in piece)
        at = max(at, min(offset, len(text)))
        found[offset] = units
    return found


def _ascii(value: str) -> str:
    return value.encode("ascii", "replace").decode()
