"""What users of the light Python clients see of keys: `keys_python.py URL GOOD SLOW FEEDBACK`."""

import json
import sys
from functools import partial
from urllib.error import HTTPError

import openai
from azure.ai.contentsafety import ContentSafetyClient
from azure.ai.contentsafety.models import AnalyzeTextOptions
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from googleapiclient import discovery
from googleapiclient.errors import HttpError
from perspective import PerspectiveAPI

url, good, slow, feedback = sys.argv[1:]
TEXT, WRONG = "Have a nice day.", "tg_no_such_key"


def said(call):
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code]
    except HttpResponseError as error:
        return [type(error).__name__, error.status_code, error.error and error.error.code]
    except HttpError as error:
        return [type(error).__name__, error.status_code, error.reason]
    except HTTPError as error:
        return [type(error).__name__, error.code, json.loads(error.read())["error"]["message"]]
    return "ok"


def by_openai(key):
    openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0).moderations.create(input=TEXT)


def google(key):
    discovered = f"{url}/$discovery/rest?version=v1alpha1"
    return discovery.build(
        "commentanalyzer", "v1alpha1", developerKey=key, discoveryServiceUrl=discovered, static_discovery=False
    ).comments()


def by_google(key):
    google(key).analyze(body={"comment": {"text": TEXT}, "requestedAttributes": {"TOXICITY": {}}}).execute()


def suggest(key):
    scores = {"TOXICITY": {"summaryScore": {"value": 1}}}
    google(key).suggestscore(body={"comment": {"text": TEXT}, "attributeScores": scores}).execute()


def by_perspective(key):
    client = PerspectiveAPI(key)
    client.api_client.url = f"{url}/v1alpha1/{{endpoint}}"
    client.score(TEXT)


def by_azure(key):
    client = ContentSafetyClient(url, AzureKeyCredential(key), retry_total=0)
    client.analyze_text(AnalyzeTextOptions(text=TEXT))


clients = {"openai": by_openai, "google": by_google, "perspective": by_perspective, "azure": by_azure}
seen = {
    name: {"good": said(partial(call, good)), "wrong": said(partial(call, WRONG))} for name, call in clients.items()
}
seen["suggested"] = {"feedback": said(lambda: suggest(feedback)), "moderate": said(lambda: suggest(good))}
seen["over_rate"] = [said(lambda: by_openai(slow)) for _ in range(3)]
patient = openai.OpenAI(base_url=f"{url}/v1", api_key=slow, max_retries=10)
seen["waited"] = [patient.moderations.create(input=TEXT).results[0].flagged for _ in range(3)]
print(json.dumps(seen))
