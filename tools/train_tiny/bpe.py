"""Byte-level BPE: training, encoding and decoding, with the splitting pattern of Qwen2.

Merges never join bytes above 0x7F, so every character outside ASCII takes several tokens: whoever streams the
output has to hold back broken UTF-8, which makes this vocabulary a good test of that.
"""

import collections
import re

# The pattern of Qwen2 said in the dialect of `re`: [^\W\d_] is \p{L}, \d is \p{N} for the texts used here.
SPLIT = re.compile(
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
    r"|(?:[^\w\r\n]|_)?[^\W\d_]+"
    r"|\d"
    r"| ?(?:[^\s\w]|_)+[\r\n]*"
    r"|\s*[\r\n]+"
    r"|\s+(?!\S)"
    r"|\s+")

CONTROL, USER_DEFINED, UNUSED, NORMAL = 3, 4, 5, 1
SPECIALS = [("<|endoftext|>", CONTROL), ("<|im_start|>", CONTROL), ("<|im_end|>", CONTROL),
            ("<think>", USER_DEFINED), ("</think>", USER_DEFINED),
            ("<tool_call>", USER_DEFINED), ("</tool_call>", USER_DEFINED),
            ("<tool_response>", USER_DEFINED), ("</tool_response>", USER_DEFINED)]
_SPECIAL_SPLIT = re.compile("(" + "|".join(re.escape(text) for text, _ in SPECIALS) + ")")


def _byte_alphabet():
    """GPT-2's reversible map from bytes to printable characters: the printable ones stand for themselves."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {byte: chr(byte) for byte in kept}
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(256 + len(table) - len(kept))
    return table


BYTE_TO_CHAR = _byte_alphabet()
CHAR_TO_BYTE = {char: byte for byte, char in BYTE_TO_CHAR.items()}


def _letters(piece):
    return [BYTE_TO_CHAR[byte] for byte in piece.encode("utf-8")]


def _merge(word, pair):
    out, at = [], 0
    while at < len(word):
        if at + 1 < len(word) and (word[at], word[at + 1]) == pair:
            out.append(word[at] + word[at + 1])
            at += 2
        else:
            out.append(word[at])
            at += 1
    return out


def _is_ascii(symbol):
    return all(CHAR_TO_BYTE[char] < 0x80 for char in symbol)


def split_specials(text):
    """The parts of a text between its special tokens."""
    return [part for part in _SPECIAL_SPLIT.split(text) if not _SPECIAL_SPLIT.fullmatch(part)]


def learn_merges(texts, count):
    """The `count` most frequent pairs, greedily; ties go to the smaller pair, so the result has one order."""
    pieces = collections.Counter(piece for text in texts for piece in SPLIT.findall(text))
    words = [(_letters(piece), times) for piece, times in sorted(pieces.items())]
    pair_counts, where = collections.Counter(), collections.defaultdict(set)
    for index, (word, times) in enumerate(words):
        for pair in zip(word, word[1:]):
            pair_counts[pair] += times
            where[pair].add(index)
    merges = []
    while len(merges) < count:
        usable = (item for item in pair_counts.items() if item[1] > 0 and _is_ascii(item[0][0] + item[0][1]))
        best = min(usable, key=lambda item: (-item[1], item[0]))[0]
        merges.append(best)
        for index in sorted(where[best]):
            word, times = words[index]
            merged = _merge(word, best)
            for pair in zip(word, word[1:]):
                pair_counts[pair] -= times
            for pair in zip(merged, merged[1:]):
                pair_counts[pair] += times
                where[pair].add(index)
            words[index] = (merged, times)
    return merges


class Tokenizer:
    """tokens: 256 bytes, then one per merge, then the special ones, then padding up to `size`."""

    def __init__(self, merges, size):
        self.merges = merges
        self.tokens = [BYTE_TO_CHAR[byte] for byte in sorted(BYTE_TO_CHAR, key=lambda b: BYTE_TO_CHAR[b])]
        self.tokens += [left + right for left, right in merges]
        self.types = [NORMAL] * len(self.tokens)
        for text, kind in SPECIALS:
            self.tokens.append(text)
            self.types.append(kind)
        while len(self.tokens) < size:
            self.tokens.append(f"[PAD{len(self.tokens)}]")
            self.types.append(UNUSED)
        if len(self.tokens) != size:
            raise ValueError(f"{len(self.tokens)} tokens do not fit a vocabulary of {size}")
        self.ids = {token: index for index, token in enumerate(self.tokens)}
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._cache = {}

    def _encode_piece(self, piece):
        word = _letters(piece)
        while len(word) > 1:
            best = min(zip(word, word[1:]), key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            word = _merge(word, best)
        return [self.ids[symbol] for symbol in word]

    def encode(self, text):
        """Ids of a text in which special tokens are spelled out."""
        out = []
        for part in _SPECIAL_SPLIT.split(text):
            if _SPECIAL_SPLIT.fullmatch(part):
                out.append(self.ids[part])
                continue
            for piece in SPLIT.findall(part):
                if piece not in self._cache:
                    self._cache[piece] = self._encode_piece(piece)
                out += self._cache[piece]
        return out

    def decode(self, ids):
        """The text of normal tokens; special and padding ones are left out."""
        chars = "".join(self.tokens[index] for index in ids if self.types[index] == NORMAL)
        return bytes(CHAR_TO_BYTE[char] for char in chars).decode("utf-8", "replace")
