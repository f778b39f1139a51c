"""What a user of NeMo Guardrails sees with a made-up model: `nemo_guardrails.py URL NARROW_URL NOBODYS_URL TEXTS`."""

import asyncio
import json
import sys

from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.library.hf_classifier.backends import FMSBackend
from nemoguardrails.testing import FakeLLMModel

url, narrow_url, nobody, texts = *sys.argv[1:4], json.loads(sys.argv[4])
CONFIG = """
models: []
rails:
  config:
    hf_classifier:
      tidegate:
        engine: fms
        base_url: {url}
        model: tidegate
        threshold: 0.7
        blocked_labels: [insult, threat]
  input:
    flows: [hf classifier check input $classifier=tidegate]
  output:
    flows: [hf classifier check output $classifier=tidegate]
"""


def config_of(url):
    return RailsConfig.from_content(yaml_content=CONFIG.format(url=url))


def classifier(url):
    return config_of(url).rails.config.hf_classifier["tidegate"]


async def said(prompt, answer, address=url):
    rails = LLMRails(config_of(address), llm=FakeLLMModel(responses=[answer]))
    return (await rails.generate_async(messages=[{"role": "user", "content": prompt}]))["content"]


async def main():
    backend = FMSBackend(classifier(url))
    seen = {"classified": [await backend.classify(text) for text in texts]}
    seen["prompts"] = [await said(text, "Hello there.") for text in texts]
    seen["answers"] = [await said("Hello.", text) for text in texts]
    await backend.close()
    seen["nobody"] = await said("Hello.", texts[0], nobody)
    narrow = FMSBackend(classifier(narrow_url))
    long = [f"{number} " + "some long and harmless words " * 2000 for number in range(8)]
    full = await asyncio.gather(*map(narrow.classify, long), return_exceptions=True)
    seen["full"] = [str(one) if isinstance(one, Exception) else "ok" for one in full]
    wrong = FMSBackend(classifier(url))
    wrong._threshold = 7  # out of range
    try:
        await wrong.classify(texts[0])
    except ValueError as error:
        seen["refused"] = str(error)
    return seen


print(json.dumps(asyncio.run(main())))
