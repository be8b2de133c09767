"""The agents, each as docs/how_to/connect_an_agent.md sets it up: no question is asked, and nobody else is told anything.

An agent is a function of its place (its programs, home, project, the server and the task) to a command and its variables.
"""
import json
import os
from dataclasses import dataclass

ANSWER_TOKENS = "8000"   # Qwen Code and Claude Code ask for 32,000 where nothing is said: no prompt would fit beside them
PATIENCE_MS = "1800000"  # a real model may read for minutes until its first token; they give up after four, five or ten


@dataclass
class Place:
    programs: str  # node_modules
    home: str
    project: str
    url: str
    key: str
    model: str
    context_tokens: int
    task: str

    def write(self, path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def qwen_code(place):
    place.write(f"{place.home}/.qwen/settings.json", json.dumps({
        "general": {"enableAutoUpdate": False}, "privacy": {"usageStatisticsEnabled": False}, "telemetry": {"enabled": False}}))
    command = ["node", f"{place.programs}/@qwen-code/qwen-code/cli.js", "--auth-type", "openai", "--yolo", "--prompt", place.task]
    return command, {"OPENAI_BASE_URL": place.url + "/v1", "OPENAI_API_KEY": place.key, "OPENAI_MODEL": place.model,
                     "QWEN_CODE_MAX_OUTPUT_TOKENS": ANSWER_TOKENS, "QWEN_STREAM_IDLE_TIMEOUT_MS": PATIENCE_MS}


def opencode(place):
    place.write(f"{place.home}/.config/opencode/opencode.json", json.dumps({
        "autoupdate": False, "share": "disabled", "permission": "allow",
        "model": f"studio/{place.model}", "small_model": f"studio/{place.model}",
        "provider": {"studio": {"npm": "@ai-sdk/openai-compatible", "name": "Model Studio",
                                "options": {"baseURL": place.url + "/v1", "apiKey": place.key,
                                            "timeout": False, "chunkTimeout": int(PATIENCE_MS)},
                                "models": {place.model: {"limit": {"context": place.context_tokens, "output": int(ANSWER_TOKENS)}}}}}}))
    command = [f"{place.programs}/opencode-linux-x64-baseline/bin/opencode", "run", place.task]
    return command, {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_LSP_DOWNLOAD": "1"}


def claude_code(place):
    command = [f"{place.programs}/@anthropic-ai/claude-code-linux-x64/claude", "--dangerously-skip-permissions", "--print", place.task]
    return command, {"ANTHROPIC_BASE_URL": place.url, "ANTHROPIC_AUTH_TOKEN": place.key, "ANTHROPIC_MODEL": place.model,
                     "ANTHROPIC_DEFAULT_HAIKU_MODEL": place.model, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                     "CLAUDE_CODE_MAX_OUTPUT_TOKENS": ANSWER_TOKENS, "CLAUDE_CODE_MAX_CONTEXT_TOKENS": str(place.context_tokens),
                     "API_TIMEOUT_MS": PATIENCE_MS, "ENABLE_TOOL_SEARCH": "false",
                     "IS_SANDBOX": "1"}  # root may skip its questions only there


def codex(place):
    place.write(f"{place.home}/.codex/config.toml", f"""
model = "{place.model}"
model_provider = "studio"
model_context_window = {place.context_tokens}
check_for_update_on_startup = false
web_search = "disabled"
analytics.enabled = false
agents.enabled = false

[model_providers.studio]
name = "Model Studio"
base_url = "{place.url}/v1"
env_key = "STUDIO_KEY"
stream_idle_timeout_ms = {PATIENCE_MS}
wire_api = "responses"
""")
    command = [f"{place.programs}/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex", "exec",
               "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", place.task]
    return command, {"STUDIO_KEY": place.key}
