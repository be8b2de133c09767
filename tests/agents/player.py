"""Plays the model of a coding agent: reads a prompt, answers with the next step of one fixed repair.

It knows no agent. What it calls and with which arguments it reads from the functions in the prompt, and what it does next
from their results, as a model would: read the file, change the line that is wrong, run the test, say that it is done.
"""
import json
import re

WRONG, RIGHT = "    return price * count + price", "    return price * count"
DONE = "The total is right now: the test passes."

# How the template of the built-in model shows functions, one a line.
FUNCTIONS_BEGIN, FUNCTIONS_END = "You can call these functions:\n<tools>\n", "\n</tools>\nTo call one, write:"

# Of each step, the functions that can do it under the names that agents give them, best first.
READERS = ("read_file", "read")
EDITORS = ("edit", "replace")
SHELLS = ("run_shell_command", "bash", "exec_command", "shell_command", "shell")


class GivesUp(Exception):
    """The prompt has not what the step needs; the words become the answer, so that the agent's output tells them."""


class Prompt:
    """Turns of a prompt in the built-in model's template; where they begin and end, control tokens say, not spelled ones."""

    def __init__(self, vocabulary, ids):
        controls = vocabulary.controls
        self.turns = []  # (role, text)
        for turn in split(ids, controls["<|im_start|>"]):
            body = turn[:turn.index(controls["<|im_end|>"])] if controls["<|im_end|>"] in turn else turn
            role, _, text = vocabulary.decode(body).partition("\n")
            responses = split(body, controls["<tool_response>"])
            if len(responses) > 0 and role == "user":
                for response in responses:
                    end = response.index(controls["</tool_response>"])
                    self.turns.append(("tool", vocabulary.decode(response[:end]).strip("\n")))
            else:
                self.turns.append((role, text))
        end = ids[-8:]  # of the prompt: thinking is open, closed, or left to the model
        self.is_thinking = controls["<think>"] in end and controls["</think>"] not in end
        self.may_think = controls["</think>"] not in end

    def functions(self):
        """Name in lower case to (name, schema of its arguments)."""
        system = next((text for role, text in self.turns if role == "system"), "")
        _, begin, rest = system.rpartition(FUNCTIONS_BEGIN)
        lines = rest.partition(FUNCTIONS_END)[0].split("\n") if begin else []
        functions = [json.loads(line)["function"] for line in lines]
        return {function["name"].lower(): (function["name"], function.get("parameters", {})) for function in functions}

    def task(self):
        """What the user asked for, and the results that came since."""
        for at in range(len(self.turns) - 1, -1, -1):
            match = re.search(r"Repair (\S+\.py), then run `([^`]+)`", self.turns[at][1])
            if self.turns[at][0] == "user" and match:
                return match.groups(), [text for role, text in self.turns[at:] if role == "tool"]
        return None, []


def split(ids, mark):
    """The pieces that begin behind each mark."""
    places = [at for at, token in enumerate(ids) if token == mark]
    return [ids[a + 1:b] for a, b in zip(places, [*places[1:], len(ids)])]


def arguments(schema, values):
    """Every value under the name that the schema has for it; a required one that is not known ends the play."""
    chosen = {}
    for name in schema.get("properties", {}):
        plain = name.replace("_", "").lower()
        if plain in values:
            chosen[name] = values[plain]
    missing = [name for name in schema.get("required", []) if name not in chosen]
    if missing:
        raise GivesUp(f"I do not know what {missing} may be in {json.dumps(schema)}")
    return chosen


def call(functions, names, values):
    for name in names:
        if name in functions:
            real_name, schema = functions[name]
            return f'<tool_call>\n{json.dumps({"name": real_name, "arguments": arguments(schema, values)})}\n</tool_call>'
    return None


def run(functions, command, purpose):
    done = call(functions, SHELLS, {"command": command, "cmd": command, "description": purpose, "isbackground": False})
    if done is None:
        raise GivesUp(f"no function runs a command: {sorted(functions)}")
    return done


def read(functions, path):
    place = {"path": path, "filepath": path, "absolutepath": path}
    return call(functions, READERS, place) or run(functions, f"cat {path}", "Reads the file")


def edit(functions, path):
    change = {"path": path, "filepath": path, "absolutepath": path, "oldstring": WRONG, "newstring": RIGHT}
    return call(functions, EDITORS, change) or run(functions, f"sed -i 's/ + price$//' {path}", "Repairs the line")


def next_step(prompt):
    """The text that a model would write."""
    functions = prompt.functions()
    task, results = prompt.task()
    if not functions or task is None:  # an agent asks for a title and the like
        return "Repair the total"
    path, command = task
    if len(results) == 0:
        return f"I look at the code.\n{read(functions, path)}"
    if len(results) == 1:
        if WRONG.strip() not in results[0]:
            raise GivesUp(f"the file was not read: {results[0]}")
        return f"One price too many — 多了一份.\n{edit(functions, path)}"
    if len(results) == 2:
        return run(functions, command, "Runs the test")
    if "OK" not in results[-1]:
        raise GivesUp(f"the test is not green: {results[-1]}")
    return DONE


def thought(prompt):
    """Thinking that is open is ended; what is left to the model, it does before its first step alone."""
    closes = "One step after the other.\n</think>\n\n"
    if prompt.is_thinking:
        return closes
    return f"<think>\n{closes}" if prompt.may_think and not prompt.task()[1] else ""


def answer(vocabulary, ids):
    """The token ids of the next answer, its end included."""
    prompt = Prompt(vocabulary, ids)
    try:
        text = next_step(prompt)
    except GivesUp as why:
        text = f"I give up: {why}"
    return [*vocabulary.encode(thought(prompt) + text), vocabulary.end]
