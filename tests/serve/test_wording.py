"""What people see in place of a text, over HTTP: the mask and the sentences of the policy."""

from __future__ import annotations

from contextlib import aclosing

from tests.serve.conftest import POLICY, Start
from tests.serve.test_live import POLICY as LIVE_POLICY
from tests.serve.test_live import LiveRig, live, until  # noqa: F401 - a fixture
from tidegate.streams.core.policy.records import PolicyChange
from tidegate.streams.core.policy.wording import Wording
from tidegate.streams.kafka.reader import read_all

DECIDE, LITELLM = "/v1/decide", "/beta/litellm_basic_guardrail_api"
WORDED = (
    """
mask = "[hidden]"
fallbacks = ["Let us talk about something else.", "I will not say that."]
[[scopes]]
tenant = "acme"
mask = "***"
fallbacks = ["Acme does not answer this."]
"""
    + POLICY
)


async def test_an_answer_has_the_words_of_its_scope(start: Start) -> None:
    """The mask and, where it is blocked, a sentence: chosen by the id, the same for the same id."""
    rig = await start(policy=WORDED)
    ours = ("Let us talk about something else.", "I will not say that.")
    seen = set()
    for _ in range(40):
        _, body, _ = await rig.post(DECIDE, {"completion": "toxicity=0.95"})
        assert body["fallback"] == Wording(fallbacks=ours).fallback(body["id"])
        seen.add(body["fallback"])
    assert seen == set(ours)
    blocked = {"completion": "toxicity=0.95", "tenant": "acme"}
    assert (await rig.post(DECIDE, blocked))[1]["fallback"] == "Acme does not answer this."
    for tenant, mask in (("acme", "***"), ("other", "[hidden]")):
        _, body, _ = await rig.post(DECIDE, {"completion": "so insult=0.75 there", "tenant": tenant})
        assert (body["redacted"], body["fallback"]) == (f"so {mask} there", None)
        team = {"user_api_key_team_id": tenant}
        litellm = {"input_type": "response", "texts": ["so insult=0.75", "fine"], "request_data": team}
        assert (await rig.post(LITELLM, litellm))[1]["texts"] == [f"so {mask}", "fine"]


async def test_a_policy_without_sentences_gives_none(start: Start) -> None:
    rig = await start()
    _, body, _ = await rig.post(DECIDE, {"completion": "toxicity=0.95"})
    assert (body["action"], body["fallback"]) == ("block", None)


async def test_words_of_the_live_policy_hold(live: LiveRig) -> None:  # noqa: F811 - the fixture
    """From the next answer on; and the record, which a worker decides again, knows nothing of them."""
    rig = await live.serve()
    _, before, _ = await rig.post("/v1/decide", {"completion": "toxicity=0.95"})
    assert before["fallback"] is None
    worded = {**LIVE_POLICY, "fallbacks": ["Let us talk about something else."]}
    parent = before["policy_version"]
    now = await live.write(PolicyChange(parent=parent, policy=worded, author="ann", reason="words", at_ms=2))
    await until(lambda: rig.process._live is not None and rig.process._live.policy.version == now.version)
    _, after, _ = await rig.post("/v1/decide", {"completion": "toxicity=0.95"})
    assert (after["policy_version"], after["fallback"]) == (now.version, worded["fallbacks"][0])
    async with aclosing(read_all(live.stack.kafka, "moderations")) as records:
        assert not [record async for record in records if b"something else" in (record.value or b"")]
