"""OpenAI's Python client (`pip install openai`): python examples/openai_python.py http://127.0.0.1:8080"""

import os
import sys

from openai import OpenAI

url = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TIDEGATE_URL", "http://127.0.0.1:8080")
client = OpenAI(base_url=f"{url}/v1", api_key=os.environ.get("TIDEGATE_API_KEY", "unused"))  # the line that changes

texts = ["Have a nice day.", "You are a worthless idiot."]
for text, result in zip(texts, client.moderations.create(input=texts).results, strict=True):
    categories = [name for name, is_true in result.categories.model_dump(by_alias=True).items() if is_true]
    print(f"{text}: flagged for {', '.join(categories)}" if result.flagged else f"{text}: passes")
