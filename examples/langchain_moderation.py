"""LangChain's moderation (`pip install langchain-classic openai`), pointed at Tidegate.

python examples/langchain_moderation.py http://127.0.0.1:8080
"""

import os
import sys

from langchain_classic.chains import OpenAIModerationChain

url = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TIDEGATE_URL", "http://127.0.0.1:8080")
os.environ["OPENAI_BASE_URL"] = f"{url}/v1"  # the line that is new; langchain-openai's middleware reads it too
os.environ["OPENAI_API_KEY"] = os.environ.get("TIDEGATE_API_KEY", "unused")

moderation = OpenAIModerationChain()
for text in ("Have a nice day.", "You are a worthless idiot."):
    print(text, "->", moderation.invoke(text)["output"])
