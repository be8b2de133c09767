"""Sixteen clients at once, each with an adapter of its own.

llama-server computes requests together only where their adapters are the same, so it is run in two ways, with a place for each client and
with one for all in turn; the better one counts.
"""
import os
import random
import subprocess
import tempfile

import lora_files
from pairs import BUILD, Figure, Row, Sides, check
from peer_programs import BUILD_LLAMA
from prompts import Prompts
from rows.of_servers import MARGIN_TOKENS, MODEL, Side
from servers import LlamaServer, Studio
from streams import answer_of, answers_at_once, parsed

CLIENTS, PROMPT, ANSWER = 16, 100, 48
REPLAYED = 4  # of a round's answers, asked again alone; in the warm-up all


class StudioWithAdapters(Studio):
    """Ours, its data folder holding the model and its adapters before it starts."""

    def __init__(self, model_path, adapters, slots, threads):
        super().__init__(model_path, slots, threads)
        self.adapters = adapters

    def start(self):
        models = os.path.join(self.data, "models")
        os.makedirs(models)
        os.symlink(self.path, os.path.join(models, os.path.basename(self.path)))
        for number, path in enumerate(self.adapters):
            subprocess.run([os.path.join(BUILD, "studio"), "adapter", "add", f"{MODEL}:{number}", path, "--data", self.data], check=True,
                           capture_output=True, text=True)
        super().start()

    def with_adapter(self, number):
        return {"model": f"{self.model}:{number}"}


class LlamaServerWithAdapters(LlamaServer):
    def __init__(self, build, model_path, adapters, slots, context, threads):
        super().__init__(build, model_path, slots, context, threads, ["--lora-init-without-apply", "--lora", ",".join(adapters)])
        self.name += f" -np {slots}"

    def with_adapter(self, number):
        return {"lora": [{"id": number, "scale": 1.0}]}


async def own_adapters(server, prompts, number):
    asked = [prompts.chat(PROMPT, "adapter", number, client) for client in range(CLIENTS)]
    fields = [server.with_adapter(client) for client in range(CLIENTS)]
    answers = await answers_at_once(server, asked, ANSWER, fields)
    took = max(answer.finished for answer in answers) - min(answer.started for answer in answers)
    found = {"throughput": CLIENTS * ANSWER / took, "worst first token": 1e3 * max(answer.first_token_s for answer in answers)}
    if number == 0:
        without = await answers_at_once(server, asked, ANSWER)
        unmoved = [client for client in range(CLIENTS) if answers[client].text == without[client].text]
        check(not unmoved, f"{server.name}: the answers of the adapters {unmoved} are the model's own")
    if server.name == "studio":  # the peer does not promise it
        replayed = random.Random(number).sample(range(CLIENTS), REPLAYED) if number else range(CLIENTS)
        alone = {client: parsed(await answer_of(server, asked[client], ANSWER, **fields[client]), asked[client]) for client in replayed}
        found["answers changed by the crowd"] = sum(answer.text != answers[client].text for client, answer in alone.items())
        check(number or not found["answers changed by the crowd"], "an answer in the crowd is another one than alone")
    return found


def rows(context):
    model, builds = context.model(MODEL), context.llama_builds("llama-server")

    def open_row(stack):
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="studio-bench-adapters-"))
        adapters = [os.path.join(folder, f"{number}.gguf") for number in range(CLIENTS)]
        for number, path in enumerate(adapters):
            lora_files.write(path, number)
        ours = stack.enter_context(StudioWithAdapters(model, adapters, CLIENTS, context.threads))
        prompts = Prompts(ours)
        peers = [stack.enter_context(LlamaServerWithAdapters(build, model, adapters, slots, PROMPT + ANSWER + MARGIN_TOKENS, context.threads))
                 for build in builds for slots in (CLIENTS, 1)]
        return Sides(Side(ours, prompts, own_adapters), {"llama-server": [Side(peer, prompts, own_adapters) for peer in peers]} if peers else {})

    figures = {"throughput": Figure("tok/s"), "worst first token": Figure("ms"), "answers changed by the crowd": Figure("answers")}
    return [Row("16 adapters", f"{CLIENTS} clients at once, each with an adapter of rank {lora_files.RANK} of its own, {PROMPT} tokens each, "
                f"{ANSWER} new; {os.path.basename(model)}", figures, open_row, ("llama-server",),
                {} if builds else {"llama-server": BUILD_LLAMA})]
