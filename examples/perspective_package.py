"""The package `perspective` (`pip install perspective`), pointed at Tidegate.

python examples/perspective_package.py http://127.0.0.1:8080
"""

import os
import sys

from perspective import PerspectiveAPI

url = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TIDEGATE_URL", "http://127.0.0.1:8080")
client = PerspectiveAPI(os.environ.get("TIDEGATE_API_KEY", "unused"))
client.api_client.url = f"{url}/v1alpha1/{{endpoint}}"  # the line that is new

for name, score in client.score("You are a worthless idiot.", tests=["TOXICITY", "INSULT"]).items():
    print(name, f"{score:.2f}")
