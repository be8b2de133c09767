"""Facts read from WordNet 3.0 (Debian package wordnet-base): what frequent words mean and how they relate.

Source: the manual pages wndb(5) and cntlist(5) of WordNet. Only common senses of common words are kept, in an order
that depends on the files alone.
"""

import collections
import dataclasses
import re

FOLDER = "/usr/share/wordnet/"
ANIMAL, ARTIFACT, BODY, FOOD, OBJECT, PLANT, TIME, PLACE = 5, 6, 8, 13, 17, 20, 28, 15  # lexicographer files
DEFINED_KINDS = (ANIMAL, ARTIFACT, BODY, FOOD, OBJECT, PLANT, TIME)
MAX_GLOSS_WORDS = 14
CATEGORIES = {"animals": ANIMAL, "plants": PLANT, "kinds of food": FOOD, "tools": ARTIFACT}


@dataclasses.dataclass
class Noun:
    word: str
    kind: int
    gloss: str
    parent: str  # the word of its hypernym, "" when there is none


@dataclasses.dataclass
class Facts:
    nouns: list      # Noun, most frequent first
    capitals: list   # (country, city)
    opposites: list  # (adjective, adjective)
    glosses: list    # short glosses of all nouns, for held-out text


def article(noun):
    return "an" if noun[0] in "aeiou" else "a"


def _frequencies(part):
    counts = collections.Counter()
    with open(FOLDER + "cntlist.rev") as lines:
        for line in lines:
            key, _, count = line.split()
            lemma, rest = key.split("%")
            if rest[0] in part:
                counts[lemma] += int(count)
    return counts


def _data(name):
    """offset to (lexicographer file, words, [(relation, target)], gloss)"""
    synsets = {}
    with open(FOLDER + "data." + name) as lines:
        for line in lines:
            if line.startswith(" "):
                continue
            head, gloss = line.split(" | ", 1)
            fields = head.split()
            word_count = int(fields[3], 16)
            words = [re.sub(r"\(.*\)", "", word).replace("_", " ") for word in fields[4:4 + 2 * word_count:2]]
            at = 4 + 2 * word_count
            links = [tuple(fields[at + 1 + 4 * i:at + 5 + 4 * i]) for i in range(int(fields[at]))]
            synsets[fields[0]] = (int(fields[1]), words, links, gloss.strip())
    return synsets


def _first_senses(name):
    with open(FOLDER + "index." + name) as lines:
        for line in lines:
            if not line.startswith(" "):
                fields = line.split()
                yield fields[0], fields[4 + int(fields[3]) + 2]


def _short(gloss):
    gloss = re.sub(r"\([^)]*\)\s*", "", gloss.split(";")[0]).strip()
    return gloss if re.fullmatch(r"[a-zA-Z][a-zA-Z', -]*[a-z]", gloss) else ""


def _nouns(synsets, counts):
    found = []
    for word, offset in _first_senses("noun"):
        kind, spellings, links, gloss = synsets[offset]
        gloss = _short(gloss)
        if word not in spellings:  # a proper name: the index writes it small
            continue
        if not re.fullmatch("[a-z]{3,12}", word) or kind not in DEFINED_KINDS or counts[word] < 1:
            continue
        starts_well = re.match(r"(a|an|any|the|one of) ", gloss)
        if not starts_well or not 4 <= len(gloss.split()) <= MAX_GLOSS_WORDS or "sexual" in gloss:
            continue
        parents = [target for relation, target, _, _ in links if relation == "@"]
        parent = synsets[parents[0]][1][0] if parents else ""
        found.append(Noun(word, kind, gloss, parent if parent.islower() else ""))
    return sorted(found, key=lambda noun: (-counts[noun.word], noun.word))


def _capitals(synsets, counts):
    pairs = {}
    country = r"(?:the )?capital (?:and largest city )?of ([A-Z][a-z]+(?: [A-Z][a-z]+)?)(?=[;,]|$| on | in )"
    for kind, words, _, gloss in synsets.values():
        match = re.match(country, gloss)
        if kind == PLACE and match:
            city = max(words, key=lambda word: counts[word.lower()])  # the usual spelling of several
            pairs.setdefault(match.group(1), city)
    return sorted(pairs.items())


def _opposites(synsets, counts):
    """Each adjective with its most frequent opposite."""
    best = {}
    for _, words, links, _ in synsets.values():
        for relation, target, part, places in links:
            if (relation, part, places) != ("!", "a", "0101"):
                continue
            one, other = words[0], synsets[target][1][0]
            if (one + other).isalpha() and min(counts[one], counts[other]) >= 10:
                best[one] = max(best.get(one, other), other, key=lambda word: (counts[word], word))
    return sorted(best.items())


def load():
    noun_synsets = _data("noun")
    glosses = [_short(noun_synsets[offset][3]) for offset in sorted(noun_synsets)]
    return Facts(nouns=_nouns(noun_synsets, _frequencies("1")),
                 capitals=_capitals(noun_synsets, _frequencies("1")),
                 opposites=_opposites(_data("adj"), _frequencies("35")),
                 glosses=[gloss for gloss in glosses if gloss.count(" ") >= 4])
