"""Prompts whose beginning was computed before: asked again, with a little more, by eight at once, after a restart."""
import statistics

from pairs import Figure, prompt_s, weight_pass_s
from rows.of_servers import server_row
from streams import answer_of, answers_at_once, parsed

PREFIX, MORE, HITS, ANSWER = 1443, 8, 5, 4
SHARED, SHARERS, TAIL = 1090, 8, 8
SYSTEM, QUESTION = 2048, 10  # the shortest question that a chat template allows
KEEPS_PREFIXES = {"STUDIO_ENGINE_KEPT_PREFIXES": "all"}  # by default those alone that the server's owner declares


async def first_token_ms(server, ids):
    return 1e3 * parsed(await answer_of(server, ids, ANSWER), ids).first_token_s


async def hits(server, prompts, number):
    prefix = prompts.text(PREFIX, "prefix", number)
    await first_token_ms(server, prefix)
    again = [await first_token_ms(server, prefix) for _ in range(HITS)]
    more = [await first_token_ms(server, prefix + prompts.text(MORE, "more", number, i)) for i in range(HITS)]
    return {"again": statistics.median(again), "with 8 more": statistics.median(more)}


def hits_roofs(state, cost):
    """One pass over the weights; stored logits need not even that."""
    return {"again": 1e3 * weight_pass_s(state, cost), "with 8 more": 1e3 * weight_pass_s(state, cost)}


async def shared(server, prompts, number):
    prefix = prompts.text(SHARED, "shared", number)
    asked = [prefix + prompts.text(TAIL, "tail", number, i) for i in range(SHARERS)]
    answers = await answers_at_once(server, asked, ANSWER)
    took = max(answer.finished for answer in answers) - min(answer.started for answer in answers)
    return {"until all have answered": 1e3 * took, "prefills": sum(answer.computed_prompt_tokens > SHARED / 2 for answer in answers)}


def shared_roofs(state, cost):
    return {"until all have answered": 1e3 * (prompt_s(state, cost, SHARED + SHARERS * TAIL) + ANSWER * weight_pass_s(state, cost))}


async def restart(server, prompts, number):
    system = prompts.text(SYSTEM, "system", number)
    await first_token_ms(server, system + prompts.text(QUESTION, "question", number, 0))
    server.stop()
    server.start()
    return {"first token": await first_token_ms(server, system + prompts.text(QUESTION, "question", number, 1))}


def restart_roofs(state, cost):
    return {"first token": 1e3 * weight_pass_s(state, cost)}


def rows(context):
    return [
        server_row(context, "prefix hit", f"first token of a prompt of {PREFIX} tokens asked again, and with {MORE} more behind it",
                   {"again": Figure("ms"), "with 8 more": Figure("ms")}, hits, 1, PREFIX + MORE + ANSWER, hits_roofs),
        server_row(context, "shared prefix", f"{SHARERS} clients at once on one fresh prefix of {SHARED} tokens, {TAIL} of their own, {ANSWER} new",
                   {"until all have answered": Figure("ms"), "prefills": Figure("prefills")}, shared, SHARERS, SHARED + TAIL + ANSWER, shared_roofs),
        server_row(context, "restart", f"first token behind a system prompt of {SYSTEM} tokens after a restart", {"first token": Figure("ms")},
                   restart, 1, SYSTEM + QUESTION + ANSWER, restart_roofs, KEEPS_PREFIXES),
    ]
