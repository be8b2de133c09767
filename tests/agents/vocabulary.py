"""Texts to token ids and back by the vocabulary of a GGUF file, for a worker that plays a model: standard library alone.

Decoding is what any tokenizer does. Encoding takes the longest token at each place instead of merging: other ids than a
tokenizer's, and of the same text, as a model may write any.
"""
import struct

SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY = 8, 9  # of the GGUF specification, as the keys above
NORMAL = 1            # its type of a token that stands for bytes; the others are names of control tokens


def byte_letters():
    """GPT-2's letter of each byte: itself where it can be seen, one from U+0100 on where not."""
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {**{byte: chr(byte) for byte in seen}, **{byte: chr(256 + i) for i, byte in enumerate(hidden)}}


class Reader:
    def __init__(self, file):
        self.file = file

    def number(self, form):
        return struct.unpack(form, self.file.read(struct.calcsize(form)))[0]

    def value(self, kind):
        if kind == STRING:
            return self.file.read(self.number("<Q"))
        if kind == ARRAY:
            item, count = self.number("<I"), self.number("<Q")
            return [self.value(item) for _ in range(count)]
        return self.number(SCALARS[kind])


def read_metadata(path):
    with open(path, "rb") as file:
        reader = Reader(file)
        assert file.read(4) == b"GGUF" and reader.number("<I") == 3, path
        reader.number("<Q")  # tensors
        entries = reader.number("<Q")
        return {reader.value(STRING).decode(): reader.value(reader.number("<I")) for _ in range(entries)}


class Vocabulary:
    def __init__(self, path):
        metadata = read_metadata(path)
        self.size = len(metadata["tokenizer.ggml.tokens"])
        self.bytes, self.ids, self.controls = [], {}, {}
        of_letter = {letter: byte for byte, letter in byte_letters().items()}
        for token, (text, kind) in enumerate(zip(metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"])):
            if kind == NORMAL:
                self.bytes.append(bytes(of_letter[letter] for letter in text.decode()))
                self.ids[self.bytes[-1]] = token
            else:
                self.bytes.append(text)
                self.controls[text.decode()] = token
        self.longest = max(map(len, self.ids))
        self.end = metadata["tokenizer.ggml.eos_token_id"]

    def decode(self, ids):
        return b"".join(self.bytes[token] for token in ids).decode()

    def encode(self, text):
        """Control tokens that are spelled in it are those tokens."""
        ids, data = [], text.encode()
        names = sorted(((name.encode(), token) for name, token in self.controls.items()), key=lambda entry: -len(entry[0]))
        at = 0
        while at < len(data):
            name, token = next((entry for entry in names if data.startswith(entry[0], at)), (b"", None))
            length = len(name) or next(n for n in range(self.longest, 0, -1) if data[at:at + n] in self.ids)
            ids.append(self.ids[data[at:at + length]] if token is None else token)
            at += length
        return ids
