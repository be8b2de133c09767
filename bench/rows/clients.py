"""Clients of a server: eight at once, a crowd for a minute, and four running streams when a long prompt arrives."""
import asyncio
import random
import statistics
import time

from pairs import Figure, answers_s, check, prompt_s
from rows.of_servers import server_row
from streams import answer_of, answers_at_once, ask, parsed

CLIENTS, CLIENT_PROMPT, CLIENT_ANSWER = 8, 110, 48
STREAMS, STREAM_PROMPT, STREAM_ANSWER = 4, 64, 6000  # longer than anything takes, guesses that come true too: the row leaves them
RUNNING_EVENTS, LONG_PROMPT, LONG_ANSWER = 24, 1555, 8
CROWD, SHORT_PROMPTS, LONG_PROMPTS, CROWD_ANSWER = 16, (40, 90), (1000, 2500), 48
REPLAYED = 6  # of each kind, asked again alone
WARM_UP_S = 15


async def eight_clients(server, prompts, number):
    asked = [prompts.chat(CLIENT_PROMPT, "client", number, i) for i in range(CLIENTS)]
    answers = await answers_at_once(server, asked, CLIENT_ANSWER)
    took = max(answer.finished for answer in answers) - min(answer.started for answer in answers)
    return {"throughput": CLIENTS * CLIENT_ANSWER / took, "worst first token": 1e3 * max(answer.first_token_s for answer in answers)}


def eight_clients_roofs(state, cost):
    least = prompt_s(state, cost, CLIENTS * CLIENT_PROMPT) + answers_s(state, cost, CLIENTS, CLIENT_ANSWER)
    return {"throughput": CLIENTS * CLIENT_ANSWER / least}


async def long_prompt_arrives(server, prompts, number):
    asked = [prompts.chat(STREAM_PROMPT, "stream", number, i) for i in range(STREAMS)]
    streams = await asyncio.gather(*(ask(server, ids, STREAM_ANSWER, prompts.control_ids) for ids in asked))
    await asyncio.gather(*(stream.events_seen(RUNNING_EVENTS) for stream in streams))
    ids = prompts.text(LONG_PROMPT, "long", number)
    newcomer = parsed(await answer_of(server, ids, LONG_ANSWER), ids)
    check(not any(stream.ended.done() for stream in streams), "a stream ended before the newcomer's answer")
    for stream in streams:
        stream.leave()
    before, during = [], []
    for stream in streams:
        stream.parse(is_whole=False)
        for start, end in zip(stream.times, stream.times[1:]):
            if end < newcomer.started:
                before.append(end - start)
            elif start < newcomer.times[-1]:
                during.append(end - start)
        check(stream.times[-1] > newcomer.started, "a stream that gave nothing beside the newcomer")
    step = statistics.fmean(before)
    return {"worst gap": 1e3 * max(during), "worst gap in steps": max(during) / step, "newcomer's first token": 1e3 * newcomer.first_token_s}


def crowd_prompt(prompts, number, client, turn):
    """Clients with even numbers chat, the others bring long prompts."""
    limits = SHORT_PROMPTS if client % 2 == 0 else LONG_PROMPTS
    tokens = random.Random(repr(("crowd", number, client, turn))).randint(*limits)
    return prompts.chat(tokens, "crowd", number, client, turn)


def crowd_for(seconds):
    async def crowd(server, prompts, number):
        asked = {}  # (client, turn): (prompt, answer)
        until = time.perf_counter() + (seconds if number else min(seconds, WARM_UP_S))

        async def client(which):
            turn = 0
            while time.perf_counter() < until:
                ids = crowd_prompt(prompts, number, which, turn)
                asked[which, turn] = ids, await answer_of(server, ids, CROWD_ANSWER, prompts.control_ids)
                turn += 1

        await asyncio.gather(*(client(which) for which in range(CROWD)))
        answers = {key: parsed(answer, ids) for key, (ids, answer) in asked.items()}
        found = {"short chats' first token p50": 1e3 * statistics.median(a.first_token_s for (which, _), a in answers.items() if which % 2 == 0),
                 "longest silence": 1e3 * max(max(answer.gaps_s, default=0) for answer in answers.values()),
                 "throughput": len(answers) * CROWD_ANSWER / (max(a.finished for a in answers.values()) - min(a.started for a in answers.values()))}
        if server.name == "studio":  # the peer does not promise it
            found["answers changed by the crowd"] = await changed_alone(server, prompts, asked, answers)
        return found
    return crowd


async def changed_alone(server, prompts, asked, answers):
    """How many of some answers differ when they are asked alone."""
    changed = 0
    for parity in (0, 1):
        keys = [key for key in sorted(asked) if key[0] % 2 == parity]
        for key in random.Random(len(keys)).sample(keys, min(REPLAYED, len(keys))):
            ids = asked[key][0]
            alone = parsed(await answer_of(server, ids, CROWD_ANSWER, prompts.control_ids), ids)
            changed += alone.text != answers[key].text
    return changed


def rows(context):
    return [
        server_row(context, "eight clients", f"{CLIENTS} clients at once, {CLIENT_PROMPT} tokens each, {CLIENT_ANSWER} new",
                   {"throughput": Figure("tok/s"), "worst first token": Figure("ms")}, eight_clients, CLIENTS, CLIENT_PROMPT + CLIENT_ANSWER,
                   eight_clients_roofs),
        server_row(context, "long prompt arrives", f"{STREAMS} running streams, {LONG_PROMPT} tokens arrive",
                   {"worst gap": Figure("ms"), "worst gap in steps": Figure("steps"), "newcomer's first token": Figure("ms")}, long_prompt_arrives,
                   STREAMS + 1, max(STREAM_PROMPT + STREAM_ANSWER, LONG_PROMPT + LONG_ANSWER)),
        server_row(context, "mixed load", f"{CROWD} clients for {context.seconds:g} s, half short chats, half prompts of "
                   f"{LONG_PROMPTS[0]} to {LONG_PROMPTS[1]} tokens",
                   {"short chats' first token p50": Figure("ms"), "longest silence": Figure("ms"), "throughput": Figure("tok/s"),
                    "answers changed by the crowd": Figure("answers")}, crowd_for(context.seconds), CROWD, LONG_PROMPTS[1] + CROWD_ANSWER),
    ]
