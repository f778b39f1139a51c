"""NeMo Guardrails (`pip install nemoguardrails`) with Tidegate after the model, which is made up here.

python examples/nemo_guardrails.py http://127.0.0.1:8080
"""

import os
import sys

from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.testing import FakeLLMModel

url = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TIDEGATE_URL", "http://127.0.0.1:8080")
CONFIG = f"""
models: []  # yours
rails:
  config:
    hf_classifier:
      tidegate:
        engine: fms
        base_url: {url}
        model: tidegate  # any name
        threshold: 0.7  # in place of the policy's
        blocked_labels: [insult, threat, identity_attack]  # labels of `tidegate models`; none: nothing is blocked
  output:
    flows:
      - hf classifier check output $classifier=tidegate
"""

for answer in ("Have a nice day.", "You are a worthless idiot."):
    rails = LLMRails(RailsConfig.from_content(yaml_content=CONFIG), llm=FakeLLMModel(responses=[answer]))
    print(answer, "->", rails.generate(messages=[{"role": "user", "content": "Hello."}])["content"])
