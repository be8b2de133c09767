"""An unmodified SDK reads a stream whose events have ids and whose silences are events: [its text, the same answer's at once].

Usage: sdk_reads.py openai-python|anthropic-python [responses], with STUDIO_URL and STUDIO_KEY set, in the SDK's own environment.
"""
import json
import os
import sys

URL, KEY = os.environ["STUDIO_URL"], os.environ["STUDIO_KEY"]
RESUME = {"X-Studio-Resume": "1"}
MESSAGES = [{"role": "user", "content": "What is a violin?"}]


def read_openai():
    import openai
    client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0)
    fixed = dict(model="tiny", messages=MESSAGES, max_tokens=12, seed=3, extra_body={"enable_thinking": False})
    text = "".join(chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**fixed, stream=True, extra_headers=RESUME))
    return text, client.chat.completions.create(**fixed).choices[0].message.content


def read_responses():
    import openai
    client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0)
    fixed = dict(model="tiny", input=MESSAGES[0]["content"], max_output_tokens=16, extra_body={"enable_thinking": False, "seed": 3})
    with client.responses.stream(**fixed, extra_headers=RESUME) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
    return text, client.responses.create(**fixed).output_text


def read_anthropic():
    import anthropic
    client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0)
    fixed = dict(model="tiny", messages=MESSAGES, max_tokens=12, extra_body={"temperature": 0, "thinking": {"type": "disabled"}})
    with client.messages.stream(**fixed, extra_headers=RESUME) as stream:
        text = "".join(stream.text_stream)
    return text, client.messages.create(**fixed).content[0].text


READERS = {("openai-python", ""): read_openai, ("openai-python", "responses"): read_responses, ("anthropic-python", ""): read_anthropic}
print(json.dumps(READERS[sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""]()))
