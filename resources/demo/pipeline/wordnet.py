"""Reads WordNet 3.0's database files and chooses the facts that are taught: one short gloss a headword, and relations."""

import collections
import pathlib
import re

import content_filter

PARTS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
PART_NAMES = {"n": "noun", "v": "verb", "a": "adjective", "r": "adverb"}

Synset = collections.namedtuple("Synset", "part words gloss pointers")  # pointers: [(symbol, part, offset, from, to)]
Fact = collections.namedtuple("Fact", "word part gloss count synset")


class WordNet:
    def __init__(self, root):
        folder = pathlib.Path(root) / "usr/share/wordnet"
        self.synsets = {}  # (part, offset) -> Synset
        self.senses = {}   # (word, part) -> [(part, offset)], most frequent first
        self.counts = collections.Counter()  # (word, part, sense number from 1) -> times it was tagged
        self.exceptions = collections.defaultdict(set)  # inflected form -> base forms
        for name, part in PARTS.items():
            self._read_data(folder / ("data." + name), part)
            self._read_index(folder / ("index." + name), part)
            for line in (folder / (name + ".exc")).read_text("latin-1").splitlines():
                forms = line.split()
                self.exceptions[forms[0]].update(forms[1:])
        kinds = {1: "n", 2: "v", 3: "a", 4: "r", 5: "a"}
        for line in (folder / "cntlist.rev").read_text("latin-1").splitlines():
            key, sense, count = line.split()
            word, rest = key.split("%")
            self.counts[word, kinds[int(rest[0])], int(sense)] += int(count)

    def _read_data(self, file, part):
        for line in file.read_text("latin-1").splitlines():
            if line.startswith("  "):
                continue
            fields, gloss = line.split(" | ", 1)
            fields = fields.split()
            count = int(fields[3], 16)
            words = [re.sub(r"\(.*\)", "", fields[4 + 2 * i]) for i in range(count)]
            at = 4 + 2 * count
            pointers = []
            for i in range(int(fields[at])):
                symbol, offset, kind, ends = fields[at + 1 + 4 * i:at + 5 + 4 * i]
                pointers.append((symbol, kind, int(offset), int(ends[:2], 16), int(ends[2:], 16)))
            self.synsets[part, int(fields[0])] = Synset(part, words, gloss.strip(), pointers)

    def _read_index(self, file, part):
        for line in file.read_text("latin-1").splitlines():
            if line.startswith("  "):
                continue
            fields = line.split()
            count = int(fields[2])
            self.senses[fields[0], part] = [(part, int(offset)) for offset in fields[-count:]]

    def base_forms(self, word):
        """Words that `word` may be an inflection of (itself not included)."""
        found = set(self.exceptions.get(word, ()))
        for ending, base in (("s", ""), ("es", ""), ("ies", "y"), ("ves", "f"), ("ing", ""), ("ing", "e"), ("ed", ""),
                             ("ed", "e"), ("d", ""), ("er", ""), ("er", "e"), ("r", ""), ("est", ""), ("est", "e"),
                             ("ier", "y"), ("iest", "y"), ("ied", "y"), ("men", "man"), ("ly", "")):
            if word.endswith(ending) and len(word) - len(ending) >= 2:
                stem = word[:len(word) - len(ending)]
                found.add(stem + base)
                if ending in ("ing", "ed", "er", "est") and len(stem) > 2 and stem[-1] == stem[-2]:
                    found.add(stem[:-1])
        found.discard(word)
        return found

    def is_marked(self, synset):
        """Whether WordNet's usage notes or the content filter speak against teaching this synset."""
        for symbol, part, offset, _, _ in synset.pointers:
            if symbol == ";u" and content_filter.DROPPED_USAGES & set(self.synsets[part, offset].words):
                return True
        return content_filter.is_unwanted(synset.gloss) or any(map(content_filter.is_unwanted, synset.words))


def short_gloss(gloss, most_words):
    """The first definition without remarks and examples, or None when it is not short and plain."""
    text = re.sub(r"\([^()]*\)", "", gloss)
    text = re.split(r";|:|\"", text)[0]
    text = re.sub(r"\s+", " ", text).replace(" ,", ",").strip(" ,.:-")
    words = text.split()
    if not 1 <= len(words) <= most_words or not re.fullmatch(r"[A-Za-z0-9 ,'/-]+", text):
        return None
    return text


def longest_gloss(level):
    """Words a gloss may have: common words are asked for most and may have longer ones."""
    return 16 if level <= 10 else 14 if level <= 20 else 12


def choose_facts(net, levels, most_common_level=35, most_facts=None):
    """[Fact] sorted by word: for each common word its most frequently used sense that has a short gloss.

    The sense must be the word's most frequent one over all parts of speech, or the runner-up when it was tagged at
    least half as often, so that an answer is what a person expects. Where no sense was ever tagged it is the first.
    The sense must be written in lower case (no names), and the headword may not explain itself.
    """
    facts = {}
    for word, level in levels.items():
        if level > most_common_level or len(word) < 3 or content_filter.is_unwanted(word):
            continue
        candidates = []
        for part in "nvar":
            for number, key in enumerate(net.senses.get((word, part), []), 1):
                candidates.append((net.counts[word, part, number], -number, "nvar".index(part) * -1, part, key))
        candidates.sort(reverse=True)
        if not candidates:
            continue
        highest = candidates[0][0]
        for count, number, _, part, key in candidates[:3]:
            if count * 2 < highest or (count == 0 and number != -1):
                break
            synset = net.synsets[key]
            gloss = short_gloss(synset.gloss, longest_gloss(level))
            if gloss is None or word not in synset.words or net.is_marked(synset) or word in re.findall(r"[a-z]+", gloss.lower()):
                continue
            facts[word] = Fact(word, part, gloss, count, key)
            break
    chosen = sorted(facts.values(), key=lambda fact: (levels[fact.word], -fact.count, fact.word))
    return sorted(chosen[:most_facts])


def opposites(net, facts):
    """{word: opposite} where both are single words and the antonym belongs to the taught sense."""
    found = {}
    for fact in facts:
        synset = net.synsets[fact.synset]
        for symbol, part, offset, source, target in synset.pointers:
            if symbol != "!" or synset.words[source - 1].lower() != fact.word:
                continue
            other = net.synsets[part, offset].words[target - 1]
            if re.fullmatch(r"[a-z]+", other) and not content_filter.is_unwanted(other):
                found.setdefault(fact.word, other)
    return found


def synonyms(net, facts, levels, most=2):
    """{word: [synonyms of the taught sense]}, common single words first."""
    found = {}
    for fact in facts:
        others = [w for w in net.synsets[fact.synset].words
                  if re.fullmatch(r"[a-z]+", w) and w != fact.word and levels.get(w, 99) <= 50
                  and not content_filter.is_unwanted(w)]
        others.sort(key=lambda w: (levels[w], w))
        if others:
            found[fact.word] = others[:most]
    return found


def kinds(net, facts, levels):
    """{noun: what it is a kind of}: the nearest broader common single word."""
    found = {}
    for fact in facts:
        if fact.part != "n":
            continue
        key, seen = fact.synset, 0
        while key is not None and seen < 4:
            above = [(p, o) for s, p, o, _, _ in net.synsets[key].pointers if s == "@"]
            key = above[0] if above else None
            seen += 1
            names = [w for w in net.synsets[key].words if re.fullmatch(r"[a-z]+", w) and w != fact.word
                     and levels.get(w, 99) <= 35] if key else []
            if names and names[0] not in ("entity", "object", "whole", "abstraction", "unit", "artifact"):
                if not content_filter.is_unwanted(names[0]):
                    found[fact.word] = names[0]
                break
    return found
