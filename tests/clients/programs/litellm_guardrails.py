"""What LiteLLM's guardrail classes make of our answers: `litellm_guardrails.py URL NARROW_URL TEXTS KEY`."""

import asyncio
import json
import sys

import litellm
import openai
from fastapi import HTTPException
from litellm.exceptions import GuardrailRaisedException
from litellm.proxy.guardrails.guardrail_hooks.azure.text_moderation import AzureContentSafetyTextModerationGuardrail
from litellm.proxy.guardrails.guardrail_hooks.generic_guardrail_api import GenericGuardrailAPI
from litellm.proxy.guardrails.guardrail_hooks.openai.moderations import OpenAIModerationGuardrail

url, narrow_url, texts, key = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
data = {"metadata": {"user_api_key_team_id": "acme", "user_api_key_end_user_id": "u-1"}}
guardrails = {
    "generic": GenericGuardrailAPI(api_base=url, api_key=key, guardrail_name="generic", timeout=30),
    "openai": OpenAIModerationGuardrail("openai", api_base=f"{url}/v1", api_key=key, timeout=30),
    "azure": AzureContentSafetyTextModerationGuardrail("azure", api_base=url, api_key=key, timeout=30),
}

narrow = {"api_base": narrow_url, "api_key": key, "timeout": 30}
guardrails["full"] = GenericGuardrailAPI(guardrail_name="full", **narrow)
guardrails["full passes"] = GenericGuardrailAPI(guardrail_name="full passes", fail_on_error=False, **narrow)


async def at_once(name):
    """Eight calls at the same time, of a server that takes one: what became of the first text of each."""
    many = [[f"{number} and {i} of some long and harmless words " * 20 for i in range(64)] for number in range(8)]
    done = await asyncio.gather(*(applied(name, {"texts": one}, "response") for one in many))
    return [one if isinstance(one, dict) else one == sent for one, sent in zip(done, many, strict=True)]


async def applied(name, inputs, kind):
    """The texts that go on; or the exception, as the proxy turns it into an answer."""
    try:
        passed = await guardrails[name].apply_guardrail(inputs=inputs, request_data=dict(data), input_type=kind)
    except GuardrailRaisedException as error:
        return {"blocked": error.message}
    except HTTPException as error:
        return {"blocked": error.detail, "status": error.status_code}
    except Exception as error:  # noqa: BLE001 - what it raises
        return {"failed": str(error)}
    return passed["texts"]


async def main():
    seen = {
        f"{name} {kind}": [await applied(name, {"texts": [text]}, kind) for text in texts]
        for name in ("generic", "openai", "azure")
        for kind in ("request", "response")
    }
    seen["full"], seen["full passes"] = await at_once("full"), await at_once("full passes")
    seen["many"] = await applied("generic", {"texts": texts[:2]}, "response")
    seen["image"] = await applied("generic", {"texts": texts[:1], "images": ["data:image/png;base64,AAAA"]}, "request")
    try:
        answer = await litellm.amoderation(input=texts[1], api_base=f"{url}/v1", api_key=key)
    except openai.AuthenticationError as error:
        seen["moderation"] = {"failed": str(error)}
    else:
        seen["moderation"] = [answer.results[0].flagged, dict(answer.results[0].category_scores)]
    return seen


print(json.dumps(asyncio.run(main()), default=str))
