"""The interpreter under test, through tests/templates/render_tool."""
import json
import subprocess


class Renderer:
    def __init__(self, tool, vocabulary=None):
        self.process = subprocess.Popen([tool] + ([vocabulary] if vocabulary else []), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, request):
        self.process.stdin.write(json.dumps(request, ensure_ascii=False).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("render_tool died")
        return json.loads(answer)

    def compile(self, source):
        """The template's number, or None where it does not compile."""
        return self.ask({"source": source}).get("template")

    def render(self, template, context, trusted, now):
        """{"text", "user_spans"}, with a vocabulary "control_ids", too; or {"error", "code"}."""
        return self.ask({"template": template, "context": context, "trusted": trusted, "now": now})


def template_pieces(answer):
    """The runs of bytes that the template wrote, as text, in order."""
    data = answer["text"].encode()
    pieces, begin = [], 0
    for span_begin, span_end in answer["user_spans"] + [[len(data), len(data)]]:
        pieces.append(data[begin:span_begin].decode())
        begin = span_end
    return pieces
