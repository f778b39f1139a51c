"""What a user of the package `perspective` sees: `perspective_package.py URL TEXTS KEY`."""

import json
import sys
from urllib.error import HTTPError

from perspective import PerspectiveAPI

url, texts, key = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
client = PerspectiveAPI(key)
client.api_client.url = f"{url}/v1alpha1/{{endpoint}}"
seen = {
    "scores": [client.score(text, tests=["TOXICITY", "INSULT", "THREAT"]) for text in texts],
    "analyzed": client.analyze_comment(
        texts[1], requested_attributes={"INSULT": {}}, span_annotations=True, client_token="t-2", languages=["en"]
    ),
}
try:
    client.score(texts[0], tests=["LIKELY_TO_REJECT"])
except HTTPError as error:
    seen["unknown"] = [error.code, json.loads(error.read())]
print(json.dumps(seen))
