"""What a user of Google's client for Perspective sees: `perspective_google.py URL NARROW_URL TEXTS KEY`."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from googleapiclient import discovery
from googleapiclient.errors import HttpError

url, narrow_url, texts, key = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
seen = {}


def client_of(address):
    return discovery.build(
        "commentanalyzer",
        "v1alpha1",
        developerKey=key,
        discoveryServiceUrl=f"{address}/$discovery/rest?version=v1alpha1",
        static_discovery=False,
    )


client = client_of(url)


def analyze(text, attributes, retries=0, at=client, **more):
    body = {"comment": {"text": text}, "requestedAttributes": attributes, **more}
    return at.comments().analyze(body=body).execute(num_retries=retries)


def refused(call):
    try:
        call()
    except HttpError as error:
        shown = {"status": error.status_code, "reason": error.reason, "details": error.error_details}
        return {**shown, "request_id": error.resp.get("x-request-id")}
    return None


six = ("TOXICITY", "SEVERE_TOXICITY", "IDENTITY_ATTACK", "INSULT", "PROFANITY", "THREAT")
seen["scores"] = [analyze(text, {name: {} for name in six}, languages=["en"]) for text in texts]
seen["spans"] = analyze(texts[1], {"INSULT": {}}, spanAnnotations=True, clientToken="t-1", doNotStore=True)
seen["threshold"] = analyze(texts[1], {"INSULT": {"scoreThreshold": 0.5}, "THREAT": {"scoreThreshold": 0.5}})
seen["under"] = analyze(texts[0], {"INSULT": {"scoreThreshold": 0.5}})
seen["unknown"] = refused(lambda: analyze(texts[0], {"FLIRTATION": {}}))
seen["empty"] = refused(lambda: analyze("", {"TOXICITY": {}}))
seen["long"] = refused(lambda: analyze("word " * 5000, {"TOXICITY": {}}))
seen["language"] = refused(lambda: analyze(texts[0], {"TOXICITY": {}}, languages=["ja"]))
seen["nothing"] = refused(lambda: analyze(texts[0], {}))


def at_once(retries):
    """Eight calls at the same time: "ok", or [status, reason]."""
    clients, start = [client_of(narrow_url) for _ in range(8)], Barrier(8)  # one a thread: httplib2 is not for two

    def call(number):
        text = f"{number} " + "some long and harmless words " * 600
        start.wait()
        try:
            analyze(text, {"TOXICITY": {}}, retries, clients[number])
        except HttpError as error:
            return [error.status_code, error.reason, error.resp.get("retry-after-ms")]
        return "ok"

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(call, range(8)))


seen["full"], seen["retried"] = at_once(0), at_once(8)
print(json.dumps(seen))
