"""What a user of openai-python sees: `openai_python.py URL NARROW_URL TEXTS KEY`."""

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import openai

url, narrow_url, texts, key = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
client = openai.OpenAI(base_url=f"{url}/v1", api_key=key)
seen = {}


def result(moderation):
    return [one.model_dump(by_alias=True) for one in moderation.results]


def refused(call):
    """The exception of a call, as its user reads it."""
    try:
        call()
    except openai.APIStatusError as error:
        shown = {name: getattr(error, name) for name in ("status_code", "param", "type", "code", "request_id")}
        return {**shown, "class": type(error).__name__, "message": str(error)}
    return None


answer = client.moderations.create(input=texts)
seen["list"] = {"id": answer.id, "model": answer.model, "request_id": answer._request_id, "results": result(answer)}
seen["one"] = result(client.moderations.create(input=texts[1], model="text-moderation-latest"))
seen["parts"] = result(client.moderations.create(input=[{"type": "text", "text": text} for text in texts]))
seen["empty"] = result(client.moderations.create(input=""))
seen["own_id"] = client.moderations.create(input=texts[0], extra_headers={"x-request-id": "mine-1"})._request_id


async def ask():
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key) as there:
        answers = await asyncio.gather(*(there.moderations.create(input=text) for text in texts))
    return [result(one)[0] for one in answers]


seen["async"] = asyncio.run(ask())

image = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
seen["image"] = refused(lambda: client.moderations.create(input=image))
seen["no_input"] = refused(lambda: client.moderations.create(input=[]))
seen["no_path"] = refused(lambda: client.models.list())


def at_once(most_retries):
    """Eight calls at the same time: [class of the exception or "ok", retries]."""
    there, start = openai.OpenAI(base_url=f"{narrow_url}/v1", api_key=key, max_retries=most_retries), Barrier(8)

    def call(number):
        many = [f"{number} and {i} of some long and harmless words " * 20 for i in range(64)]
        start.wait()
        try:
            raw = there.moderations.with_raw_response.create(input=many)
        except openai.RateLimitError as error:
            headers = error.response.headers
            return [error.code, error.type, headers.get("retry-after-ms"), error.request_id is not None]
        return ["ok", raw.retries_taken]

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(call, range(8)))


seen["full"], seen["retried"] = at_once(0), at_once(20)
print(json.dumps(seen))
