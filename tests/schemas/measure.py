"""Schemas through schema_tool, what it draws through ajv."""
import json
import pathlib
import subprocess
import threading

HERE = pathlib.Path(__file__).parent


def _lines_through(command, requests, cwd=None):
    """Each answer of a program that reads and writes lines. A thread writes, so that neither side waits for ever."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd) as program:
        def write():
            for request in requests:
                program.stdin.write(json.dumps(request) + "\n")
            program.stdin.close()
        writer = threading.Thread(target=write)
        writer.start()
        for line in program.stdout:
            yield json.loads(line)
        writer.join()
    if program.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {program.returncode}")


def compiled(tool, vocabulary, entries, draws, tokens):
    """One answer an entry, and the times of all."""
    requests = ({"name": e.name, "schema": e.schema, "tests": e.tests} for e in entries)
    *answers, last = _lines_through([tool, vocabulary, str(draws), str(tokens)], requests)
    return answers, last["times"]


def judged(entries, answers, work):
    """For each entry ajv's list (True or what is wrong), or the reason why it cannot judge. `work`: where ajv is installed."""
    requests = ({"schema": e.schema, "texts": a.get("texts", [])} for e, a in zip(entries, answers))
    return [a.get("valid", a.get("unknown")) for a in _lines_through(["node", "judge.mjs"], requests, cwd=work)]
