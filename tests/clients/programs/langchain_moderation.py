"""What LangChain's users see: `langchain_moderation.py URL TEXTS KEY`. The chain reads the environment alone."""

import json
import os
import sys

url, texts, key = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"] = f"{url}/v1", key

from langchain.agents import create_agent  # noqa: E402
from langchain_classic.chains import OpenAIModerationChain  # noqa: E402
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel  # noqa: E402
from langchain_core.messages import AIMessage  # noqa: E402
from langchain_openai.middleware.openai_moderation import (  # noqa: E402
    OpenAIModerationError,
    OpenAIModerationMiddleware,
)


def agent_says(prompt, answer, **options):
    """The last message of an agent whose model gives that answer."""
    model = GenericFakeChatModel(messages=iter([AIMessage(answer)]))
    agent = create_agent(model, middleware=[OpenAIModerationMiddleware(**options)])
    return agent.invoke({"messages": [("user", prompt)]})["messages"][-1].text


seen = {"chain": [OpenAIModerationChain().invoke(text)["output"] for text in texts]}
try:
    OpenAIModerationChain(error=True).invoke(texts[1])
except ValueError as error:
    seen["chain_error"] = str(error)
seen["prompts"] = [agent_says(text, "Hello there.") for text in texts]
seen["answers"] = [agent_says("Hello.", text) for text in texts]
try:
    agent_says("Hello.", texts[2], exit_behavior="error")
except OpenAIModerationError as error:
    seen["agent_error"] = [error.stage, error.result.category_scores.harassment_threatening]
print(json.dumps(seen))
