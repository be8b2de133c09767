"""What the rows about servers share: ours and each build of llama-server, started for the row and asked the same."""
import asyncio
import gc
import os

from pairs import Row, Sides, costs
from peer_programs import BUILD_LLAMA
from prompts import Prompts
from servers import LlamaServer, Studio

MODEL = "qwen2.5-coder-0.5b-instruct"
MARGIN_TOKENS = 64  # of a slot of llama-server, beyond what a row asks of it


class Side:
    def __init__(self, server, prompts, measure):
        self.server, self.prompts, self.of_row, self.name = server, prompts, measure, server.name

    def measure(self, number, figures):
        gc.collect()
        gc.disable()  # a pause of the client's would be the server's silence
        try:
            return asyncio.run(self.of_row(self.server, self.prompts, number))
        finally:
            gc.enable()


def server_row(context, name, about, figures, measure, slots, most_tokens, roofs=None, settings=None):
    """measure: async (server, prompts, round) -> {figure: value}. most_tokens: of one prompt and its answer. settings: of ours alone."""
    model = context.model(MODEL)

    def open_row(stack):
        ours = stack.enter_context(Studio(model, slots, context.threads, settings))
        prompts = Prompts(ours)
        peers = [stack.enter_context(LlamaServer(build, model, slots, most_tokens + MARGIN_TOKENS, context.threads))
                 for build in context.llama_builds("llama-server")]
        cost = costs(model)
        return Sides(Side(ours, prompts, measure), {"llama-server": [Side(peer, prompts, measure) for peer in peers]} if peers else {},
                     (lambda state: roofs(state, cost)) if roofs else lambda state: {})

    missing = {} if context.llama_builds("llama-server") else {"llama-server": BUILD_LLAMA}
    return Row(name, f"{about}; {os.path.basename(model)}", figures, open_row, ("llama-server",), missing)
