"""Google's client for Perspective (`pip install google-api-python-client`), pointed at Tidegate.

python examples/perspective_google.py http://127.0.0.1:8080
"""

import os
import sys

from googleapiclient import discovery

url = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TIDEGATE_URL", "http://127.0.0.1:8080")
client = discovery.build(
    "commentanalyzer",
    "v1alpha1",
    developerKey=os.environ.get("TIDEGATE_API_KEY", "unused"),
    discoveryServiceUrl=f"{url}/$discovery/rest?version=v1alpha1",  # the line that changes
    static_discovery=False,
)

body = {"comment": {"text": "You are a worthless idiot."}, "requestedAttributes": {"TOXICITY": {}, "INSULT": {}}}
scores = client.comments().analyze(body=body).execute().get("attributeScores", {})
for name in body["requestedAttributes"]:
    print(name, f"{scores[name]['summaryScore']['value']:.2f}" if name in scores else "under its scoreThreshold")
