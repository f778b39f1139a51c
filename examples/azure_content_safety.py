"""Azure's client (`pip install azure-ai-contentsafety`): python examples/azure_content_safety.py http://127.0.0.1:8080"""

import os
import sys

from azure.ai.contentsafety import ContentSafetyClient
from azure.ai.contentsafety.models import AnalyzeTextOptions
from azure.core.credentials import AzureKeyCredential

url = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TIDEGATE_URL", "http://127.0.0.1:8080")
client = ContentSafetyClient(url, AzureKeyCredential(os.environ.get("TIDEGATE_API_KEY", "unused")))  # changes

answer = client.analyze_text(AnalyzeTextOptions(text="You are a worthless idiot."))
for found in answer.categories_analysis:
    print(found.category, found.severity)  # 2: flag, 4: review or redact, 6: block
