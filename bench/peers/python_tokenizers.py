"""Texts to ids by a library of Python's, for comparison with ours (parts_protocol.h says how they come and go).

Usage: python_tokenizers.py tokenizers|tiktoken MODEL.gguf < TEXTS > RESULTS
The vocabulary is the model file's own, so that the ids can be compared. One thread; only the library's call is timed.
"""
import array
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/tokenizer"))
from parity import QWEN2, reference_of_gguf  # noqa: E402


def bytes_of_alphabet():
    """{character of the byte alphabet of GPT-2: byte}."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {**{chr(byte): byte for byte in plain}, **{chr(256 + i): byte for i, byte in enumerate(rest)}}


def hugging_face(path):
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    tokenizer = reference_of_gguf(path)
    return lambda text: tokenizer.encode_batch_fast([text], add_special_tokens=False)[0], lambda encoding: encoding.ids


def tiktoken_of(path):
    import tiktoken
    from gguf import GGUFReader
    fields = GGUFReader(path).fields
    tokens = [bytes(fields["tokenizer.ggml.tokens"].parts[i]).decode() for i in fields["tokenizer.ggml.tokens"].data]
    types = [int(fields["tokenizer.ggml.token_type"].parts[i][0]) for i in fields["tokenizer.ggml.token_type"].data]
    of = bytes_of_alphabet()
    ranks = {bytes(of[c] for c in token): i for i, (token, kind) in enumerate(zip(tokens, types)) if kind == 1}
    encoding = tiktoken.Encoding("model", pat_str=QWEN2, mergeable_ranks=ranks, special_tokens={})
    return encoding.encode_ordinary, lambda ids: ids


def main():
    encode, ids_of = {"tokenizers": hugging_face, "tiktoken": tiktoken_of}[sys.argv[1]](sys.argv[2])
    while head := sys.stdin.buffer.read(4):
        text = sys.stdin.buffer.read(struct.unpack("<i", head)[0]).decode()
        start = time.process_time()
        found = encode(text)
        took = time.process_time() - start
        ids = array.array("i", ids_of(found))
        sys.stdout.buffer.write(struct.pack("<di", took, len(ids)) + ids.tobytes())


if __name__ == "__main__":
    main()
