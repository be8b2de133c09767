"""The parts around the model: text to ids, the vocabulary, a draw from the logits, and a whole `studio run` to its first token."""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata

from pairs import BUILD, ROOT, Figure, Row, Sides, check, costs, run, weight_pass_s

MODEL, START_MODEL = "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"
KINDS, MEGABYTES = ("english", "code", "chinese"), 3  # of each kind, in texts of 16 k characters that no tokenizer has met
CONTROL_MARKS = ("<|", "tool_call>", "think>")  # one library reads control tokens in any text, the others do not
PYTHON_PEERS = ("tokenizers", "tiktoken")
SYSTEM, QUESTION = "You are a helpful assistant.", "What is the capital of France? One word."
CHATML = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
RAW_PROMPT = "The capital city of the French Republic in Europe is"
PROMPT_TOKENS = {"first token": 10, "first token of a chat": 29}  # of RAW_PROMPT, of CHATML
RUN_TIMEOUT_S = 300


class Program:
    """A side that is a command."""

    def __init__(self, name, measure):
        self.name, self.of_row = name, measure

    def measure(self, number, figures):
        return self.of_row(figures)


def our_parts():
    return os.path.join(BUILD, "bench/parts_bench")


def corpus_texts():
    """{kind: texts} in the normal form that the vocabulary asks for and not every peer makes."""
    sys.path.insert(0, os.path.join(ROOT, "tests/tokenizer"))
    import corpus
    texts = corpus.corpus(MEGABYTES * len(corpus.KINDS))
    return {kind: [unicodedata.normalize("NFC", text) for text in texts[kind] if not any(mark in text for mark in CONTROL_MARKS)] for kind in KINDS}


def tokenize(command, texts_of, known):
    """{kind: MB/s}. known: the ids of whoever came first; all must have the same."""
    found = {}
    for kind, texts in texts_of.items():
        packed = b"".join(struct.pack("<i", len(data)) + data for data in (text.encode() for text in texts))
        answer = subprocess.run(command, input=packed, check=True, capture_output=True).stdout
        at, seconds, ids = 0, 0.0, []
        for _ in texts:
            took, count = struct.unpack_from("<di", answer, at)
            ids.append(answer[at + 12:at + 12 + 4 * count])
            at, seconds = at + 12 + 4 * count, seconds + took
        differing = sum(ours != theirs for ours, theirs in zip(ids, known.setdefault(kind, ids)))
        check(differing == 0, f"{os.path.basename(command[0])}: {differing} of {len(texts)} {kind} texts have other ids")
        found[kind] = sum(len(text.encode()) for text in texts) / 1e6 / seconds
    return found


def tokenizer_row(context):
    model = context.model(MODEL)

    def open_row(_):
        texts, known = corpus_texts(), {}
        side = lambda name, command: Program(name, lambda figures: tokenize(command, texts, known))
        library = os.path.join(ROOT, "bench/peers/python_tokenizers.py")
        theirs = {name: [side(name, [context.python, library, name, model])] for name in PYTHON_PEERS if context.python}
        if builds := context.llama_builds("llama_parts"):
            theirs["llama.cpp"] = [side(build.name, [build.program("llama_parts"), "tokenize", model]) for build in builds]
        return Sides(side("studio", [our_parts(), "tokenize", model]), theirs)

    missing = {} if context.python else {name: "tools/python_env.sh bench" for name in PYTHON_PEERS}
    return Row("tokenizer", f"one thread, {MEGABYTES} MB of each kind, every text for the first time", {kind: Figure("MB/s") for kind in KINDS},
               open_row, (*PYTHON_PEERS, "llama.cpp"), {**missing, **context.missing_llama("llama_parts")}, reads_weights=False)


def parts_row(context, name, about, figures, arguments_of):
    """Of programs that print {"seconds"}; arguments_of: {figure: (arguments, units of the figure in a second)}."""
    def side(title, program):
        def measure(wanted):
            answers = {figure: json.loads(run([program, *arguments_of[figure][0]])) for figure in wanted}
            return {figure: answer["seconds"] * arguments_of[figure][1] for figure, answer in answers.items()}
        return Program(title, measure)

    def open_row(_):
        builds = context.llama_builds("llama_parts")
        return Sides(side("studio", our_parts()),
                     {"llama.cpp": [side(build.name, build.program("llama_parts")) for build in builds]} if builds else {})

    return Row(name, about, figures, open_row, ("llama.cpp",), context.missing_llama("llama_parts"), reads_weights=False)


def vocabulary_row(context):
    """A later start finds the tables that the first one kept in the folder; a peer builds its own each time."""
    model = context.model(MODEL)

    def open_row(stack):
        folder = tempfile.mkdtemp(prefix="studio-bench-")
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        tokens = set()

        def measure(commands):
            answers = {figure: json.loads(run(command)) for figure, command in commands.items()}
            tokens.update(answer["tokens"] for answer in answers.values())
            check(len(tokens) == 1, f"vocabularies of {tokens} tokens")
            return {figure: 1e3 * answer["seconds"] for figure, answer in answers.items()}

        build = [our_parts(), "vocabulary", model]
        measure({"first time": [*build, folder]})
        check(os.listdir(folder), "no tables were kept")
        ours = Program("studio", lambda figures: measure({figure: [*build, folder] if figure == "ready" else build for figure in figures}))
        peers = [Program(peer.name, lambda figures, command=[peer.program("llama_parts"), "vocabulary", model]:
                         measure({figure: command for figure in figures})) for peer in context.llama_builds("llama_parts")]
        return Sides(ours, {"llama.cpp": peers} if peers else {})

    return Row("vocabulary", "a model's vocabulary in a process of its own: ready by the tables that an earlier start kept; built the first time",
               {"ready": Figure("ms"), "first time": Figure("ms")}, open_row, ("llama.cpp",), context.missing_llama("llama_parts"),
               reads_weights=False)


def start_row(context):
    """From the start of the process to the first text on its standard output: of a prompt as it is, and of a chat's first turn."""
    model = context.model(START_MODEL)

    studio = [os.path.join(BUILD, "studio"), "run", model, "--max-tokens", "4", "--temperature", "0", "--threads", str(context.threads)]
    ours = {"first token": [*studio, "--raw", RAW_PROMPT], "first token of a chat": [*studio, QUESTION, "--system", SYSTEM]}
    theirs = {"first token": RAW_PROMPT, "first token of a chat": CHATML}

    def first_text(figure, command, stdin, known):
        start = time.perf_counter()
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            process.stdin.write(stdin)
            process.stdin.close()
            text = os.read(process.stdout.fileno(), 1 << 16)
            took = time.perf_counter() - start
            process.stdout.read()
            code = process.wait(RUN_TIMEOUT_S)
        check(code == 0 and text.strip(), f"{os.path.basename(command[0])} ended with {code}, its first text is {text!r}")
        word = text.decode(errors="replace").split()[0]
        check(word == known.setdefault(figure, word), f"{os.path.basename(command[0])} begins with {word!r}, another did with {known[figure]!r}")
        return 1e3 * took

    def check_prompts(data):
        for figure, tokens in PROMPT_TOKENS.items():
            counted = json.loads(run([*ours[figure], "--data", data, "--json"], stdin=subprocess.DEVNULL))["prompt_tokens"]
            check(counted == tokens, f"the prompt of {figure!r} has {counted} tokens, not {tokens}")

    def open_row(stack):
        data = tempfile.mkdtemp(prefix="studio-bench-")
        stack.callback(shutil.rmtree, data, ignore_errors=True)
        cost, known = costs(model), {}
        keep = [os.path.join(BUILD, "studio"), "keep-panels", model, "--into", data]
        check(subprocess.run(keep, check=False).returncode == 0, "the model's panels cannot be made")  # as the first start leaves them
        check_prompts(data)

        def peer(build, way):
            command = [build.program("llama_parts"), "first_token", model, str(context.threads), way]
            return Program(f"{build.name} {way}", lambda figures: {figure: first_text(figure, command, theirs[figure].encode(), known)
                                                                   for figure in figures})

        peers = [peer(build, way) for build in context.llama_builds("llama_parts") for way in ("plain", "repack")]
        return Sides(Program("studio", lambda figures: {figure: first_text(figure, [*ours[figure], "--data", data], b"", known)
                                                        for figure in figures}),
                     {"llama.cpp": peers} if peers else {},
                     lambda state: {figure: 1e3 * weight_pass_s(state, cost) for figure in PROMPT_TOKENS})

    return Row("start", f"fork of `studio run` to its first token, no server running; a prompt of {PROMPT_TOKENS['first token']} tokens as it is, "
               f"and one question with its template; {os.path.basename(model)}", {figure: Figure("ms") for figure in PROMPT_TOKENS},
               open_row, ("llama.cpp",), context.missing_llama("llama_parts"))


def rows(context):
    return [
        tokenizer_row(context),
        vocabulary_row(context),
        parts_row(context, "sampling", "a draw from 151,936 logits: top_k 40 with top_p 0.95 and min_p 0.05; top_p 0.95 alone",
                  {"top_k 40": Figure("us"), "top_p": Figure("us")}, {"top_k 40": (["sample", "top_k"], 1e6), "top_p": (["sample", "top_p"], 1e6)}),
        start_row(context),
    ]
