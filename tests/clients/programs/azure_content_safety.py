"""What a user of azure-ai-contentsafety sees: `azure_content_safety.py URL NARROW_URL TEXTS KEY`."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from azure.ai.contentsafety import ContentSafetyClient
from azure.ai.contentsafety.models import AnalyzeTextOptions, TextCategory
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError

url, narrow_url, texts, key = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
client = ContentSafetyClient(url, AzureKeyCredential(key))


def analyzed(text, **options):
    answer = client.analyze_text(AnalyzeTextOptions(text=text, **options))
    return {one.category: one.severity for one in answer.categories_analysis}


def refused(call):
    try:
        call()
    except HttpResponseError as error:
        target = error.error.target if error.error else None
        return {"status": error.status_code, "code": error.error and error.error.code, "target": target,
                "message": error.message, "request_id": error.response.headers.get("x-request-id")}  # fmt: skip
    return None


seen = {"texts": [analyzed(text) for text in texts]}
seen["some"] = analyzed(
    texts[2], categories=[TextCategory.VIOLENCE, TextCategory.HATE], output_type="EightSeverityLevels"
)
seen["long"] = refused(lambda: analyzed("word " * 3000))
seen["blocklist"] = refused(lambda: analyzed(texts[0], blocklist_names=["mine"]))
seen["category"] = refused(lambda: analyzed(texts[0], categories=["Rudeness"]))


def at_once(**options):
    there, start = ContentSafetyClient(narrow_url, AzureKeyCredential(key), **options), Barrier(8)

    def call(number):
        text = f"{number} " + "some long and harmless words " * 300
        start.wait()
        try:
            there.analyze_text(AnalyzeTextOptions(text=text))
        except HttpResponseError as error:
            return [error.status_code, error.error and error.error.code]
        return "ok"

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(call, range(8)))


seen["full"], seen["retried"] = at_once(retry_total=0), at_once(retry_total=20, retry_status=20)
print(json.dumps(seen))
