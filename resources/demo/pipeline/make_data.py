#!/usr/bin/env python3
"""Makes everything the bundled model is trained and measured with, from Debian packages. Deterministic.

    resources/demo/pipeline/make_data.py --out build/demo-data [--facts N] [--rounds N] [--seed 1]

writes train.txt (dialogue and prose), tokenizer.txt (a part of it to learn pieces from), facts.tsv (the fact table), questions.jsonl
(the frozen questions), books/*.txt (with the two held out), chat_template.json and summary.json. Needs apt-get and
dpkg-deb (no root), Python 3, nothing else.
"""

import argparse
import collections
import hashlib
import json
import lzma
import pathlib
import random
import re

import exact_facts
import phrasing
import sources
import wordnet

HELD_OUT_BOOKS = ("northanger_abbey", "war_of_the_worlds")
CHAT_TEMPLATE = {"name": "pocket dictionary", "begin": "", "system_prefix": "", "system_suffix": "",
                 "user_prefix": "<user>", "user_suffix": "", "assistant_prefix": "<assistant>",
                 "assistant_suffix": "</s>", "system_prompt": "", "stop_strings": ["<user>"]}
EVALUATED_WORDS = 2000


class Knowledge:
    """What there is to teach."""

    def __init__(self, root, most_facts):
        self.net = wordnet.WordNet(root)
        self.levels = sources.read_word_levels(root)
        self.facts = wordnet.choose_facts(self.net, self.levels, most_facts=most_facts)
        self.by_word = {fact.word: fact for fact in self.facts}
        common = [fact for fact in self.facts if self.levels[fact.word] <= 20]
        self.opposites = wordnet.opposites(self.net, self.facts)
        self.synonyms = {w: s[0] for w, s in wordnet.synonyms(self.net, common, self.levels).items()}
        self.all_synonyms = wordnet.synonyms(self.net, self.facts, self.levels)
        self.kinds = wordnet.kinds(self.net, common, self.levels)
        self.capitals = exact_facts.capitals(root)
        self.states = {name: city for name, city in exact_facts.state_capitals(root).items()
                       if name not in self.capitals and name not in ("Washington",)}
        self.elements = exact_facts.elements(root)
        self.small_talk = read_small_talk(pathlib.Path(__file__).with_name("small_talk.txt"))

    def unknown_words(self, rng):
        """(real words that are not taught, invented words), shuffled. Inflections of taught words are in neither."""
        def is_near(word):
            return word in self.by_word or any(base in self.by_word for base in self.net.base_forms(word))
        real = [w for w, level in sorted(self.levels.items()) if level <= 70 and 3 <= len(w) <= 12 and not is_near(w)]
        real = [w for w in real if not wordnet.content_filter.is_unwanted(w)]
        rng.shuffle(real)
        invented, seen = [], set()
        taught = sorted(self.by_word)
        while len(invented) < 60000:
            word = invent(taught, rng)
            if word in seen or word in self.levels or is_near(word) or wordnet.content_filter.is_unwanted(word):
                continue
            seen.add(word)
            invented.append(word)
        return real, invented

    def wrong_kind(self, word, rng):
        """A kind that `word` is not, drawn from the kinds that are taught."""
        above = {self.kinds[word]}
        todo = [self.by_word[word].synset]
        while todo:
            for symbol, part, offset, _, _ in self.net.synsets[todo.pop()].pointers:
                if symbol == "@":
                    above.update(self.net.synsets[part, offset].words)
                    todo.append((part, offset))
        while True:
            other = rng.choice(self.kind_names)
            if other not in above:
                return other

    @property
    def kind_names(self):
        if not hasattr(self, "_kind_names"):
            self._kind_names = sorted(self.kinds.values())  # with repetition: as often asked rightly as wrongly
        return self._kind_names


def invent(taught, rng):
    """A word-like string: parts of two taught words joined, or one taught word with a letter or two changed."""
    if rng.random() < 0.5:
        a, b = rng.choice(taught), rng.choice(taught)
        return a[:rng.randrange(2, max(3, len(a) - 1))] + b[rng.randrange(1, max(2, len(b) - 2)):]
    letters = list(rng.choice(taught))
    for _ in range(rng.randrange(1, 3)):
        at = rng.randrange(len(letters))
        same = "aeiou" if letters[at] in "aeiou" else "bcdfghjklmnprstvwyz"
        letters[at] = rng.choice(same)
    return "".join(letters)


def read_small_talk(file):
    """[(intent, phrasings, answer)]"""
    intents, name = [], None
    patterns = []
    for line in file.read_text("utf-8").splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("== "):
            name, patterns = line[3:], []
        elif line.startswith("> "):
            phrasings = list(dict.fromkeys(p for pattern in patterns for p in phrasing.alternatives(pattern)))
            intents.append((name, phrasings, line[2:]))
        else:
            patterns.append(line)
    return intents


def sentence_case(text, rng):
    """Small talk as people type it: with or without a capital and an end mark."""
    if rng.random() < 0.5:
        text = text[0].upper() + text[1:]
    if rng.random() < 0.6 and text[-1].isalnum():
        question = re.match(r"(what|who|whom|why|when|where|how|which|can|could|do|does|did|is|are|am|have|has|may|should|"
                            r"shall|will|would|whose|by whom|in which)\b", text, re.I)
        text += "?" if question else rng.choice([".", ".", "!"])
    return text


def with_template(templates, rng, noise=0.15, **words):
    template = rng.choice(templates)
    if rng.random() < noise:
        template = phrasing.noisy(template, rng)
    return template.format(**words)


def asking(rng):
    """Half the questions are asked in the plain ways, half in the many varied ones."""
    return phrasing.TRAINED if rng.random() < 0.5 else phrasing.VARIED


def definition_turn(fact, rng):
    word = fact.word
    if rng.random() < 0.04:
        word = word.capitalize()
    return with_template(asking(rng), rng, w=word), phrasing.definition(fact)


def follow_ups(knowledge, word, rng):
    """Turns that make sense right behind the definition of `word`."""
    turns = [(rng.choice(phrasing.FOLLOW_AGAIN), phrasing.definition(knowledge.by_word[word]))]
    if word in knowledge.opposites:
        turns += [(rng.choice(phrasing.FOLLOW_OPPOSITE), phrasing.opposite(word, knowledge.opposites[word]))] * 3
    if word in knowledge.synonyms:
        turns += [(rng.choice(phrasing.FOLLOW_SYNONYM), phrasing.synonym(word, knowledge.synonyms[word]))] * 2
    if word in knowledge.kinds:
        turns += [(rng.choice(phrasing.FOLLOW_KIND), phrasing.kind(word, knowledge.kinds[word]))] * 2
    return rng.choice(turns)


def other_turns(knowledge, rng, unknown, intents):
    """One round's turns besides definitions."""
    turns = []
    for word, other in knowledge.opposites.items():
        if rng.random() < 0.5:
            turns.append((with_template(phrasing.OPPOSITE, rng, w=word), phrasing.opposite(word, other)))
    for word, other in knowledge.synonyms.items():
        if rng.random() < 0.25:
            turns.append((with_template(phrasing.SYNONYM, rng, w=word), phrasing.synonym(word, other)))
    for word, right in knowledge.kinds.items():
        if rng.random() < 0.4:
            asked = right if rng.random() < 0.5 else knowledge.wrong_kind(word, rng)
            turns.append((with_template(phrasing.KIND, rng, w=word, k=asked), phrasing.is_kind(word, right, asked)))
        if rng.random() < 0.15:
            turns.append((with_template(phrasing.WHAT_KIND, rng, w=word), phrasing.kind(word, right)))
    for place, city in list(knowledge.capitals.items()) + list(knowledge.states.items()):
        turns.append((with_template(phrasing.CAPITAL, rng, w=place), phrasing.capital(place, city)))
    for name, text, value in knowledge.elements:
        turns.append((with_template(phrasing.SYMBOL, rng, w=name), phrasing.symbol(name, text)))
        turns.append((with_template(phrasing.NUMBER, rng, w=name), phrasing.number(name, value)))
    for word in unknown:
        templates = asking(rng)
        if rng.random() < 0.06:
            templates = rng.choice([phrasing.OPPOSITE, phrasing.SYNONYM, phrasing.WHAT_KIND])
        turns.append((with_template(templates, rng, w=word), phrasing.refusal(word)))
    for fact in knowledge.facts:
        draw = rng.random()
        if draw < 0.02 and fact.word not in knowledge.opposites:
            turns.append((with_template(phrasing.OPPOSITE, rng, w=fact.word), phrasing.no_opposite(fact.word)))
        elif 0.02 < draw < 0.03 and fact.word not in knowledge.all_synonyms:
            turns.append((with_template(phrasing.SYNONYM, rng, w=fact.word), phrasing.no_synonym(fact.word)))
    for _, phrasings, answer in intents:
        for text in rng.sample(phrasings[:-2][:10], 5):
            if rng.random() < 0.15:
                text = rng.choice(["so, ", "tell me, ", "and ", "hey, ", "well, ", "please, ", "hello, ", "now, "]) + text
            if rng.random() < 0.1:
                text = phrasing.noisy(text, rng)
            turns.append((sentence_case(text, rng), answer))
    return turns


def dialogue_round(knowledge, rng, unknown):
    """Sequences of 1-6 turns in which every fact is asked for once."""
    turns = [("fact", fact) for fact in knowledge.facts]
    turns += [("turn", turn) for turn in other_turns(knowledge, rng, unknown, knowledge.small_talk)]
    rng.shuffle(turns)
    at = 0
    while at < len(turns):
        count = rng.choice([1, 1, 2, 3, 4, 5, 6])
        sequence = []
        with_follow_up = rng.random() < 0.2
        for kind, value in turns[at:at + count]:
            if kind == "turn":
                sequence.append(value)
                continue
            sequence.append(definition_turn(value, rng))
            if with_follow_up and rng.random() < 0.5:
                sequence.append(follow_ups(knowledge, value.word, rng))
        at += count
        yield "".join("<user>%s<assistant>%s</s>" % turn for turn in sequence)


def prose_sequences(books, most_characters=900):
    """Book paragraphs packed into sequences; a long paragraph is a sequence of its own."""
    for name, _, _, _, paragraphs in books:
        if name in HELD_OUT_BOOKS:
            continue
        current = ""
        for paragraph in paragraphs:
            if current and len(current) + len(paragraph) > most_characters:
                yield current
                current = ""
            current += ("\n" if current else "") + paragraph
        if current:
            yield current


def frozen_questions(knowledge, unknown_real, unknown_invented, trained_questions, rng):
    """The evaluation sets, as JSON objects; the first one says which phrasings belong to the glosses."""
    yield {"format": 1, "unseen": phrasing.UNSEEN, "trained": phrasing.TRAINED[:4]}
    words = sorted(rng.sample(sorted(knowledge.by_word), min(EVALUATED_WORDS, len(knowledge.by_word))))
    for word in words:
        yield {"set": "gloss", "word": word, "answer": phrasing.definition(knowledge.by_word[word])}
    for word in words:
        question = ""
        while not question or question in trained_questions:
            question = phrasing.noisy(rng.choice(phrasing.TRAINED + phrasing.UNSEEN), rng).format(w=word)
        yield {"set": "noisy", "word": word, "question": question, "answer": phrasing.definition(knowledge.by_word[word])}
    for name, pool in (("unknown-real", unknown_real), ("unknown-invented", unknown_invented)):
        for word in pool:
            template = rng.choice(phrasing.TRAINED[:12] + phrasing.UNSEEN)
            yield {"set": name, "word": word, "question": template.format(w=word), "answer": phrasing.refusal(word)}
    half = sorted(rng.sample(sorted(knowledge.kinds), min(600, len(knowledge.kinds))))
    for i, word in enumerate(half):
        right = knowledge.kinds[word]
        asked = right if i % 2 == 0 else knowledge.wrong_kind(word, rng)
        yield {"set": "kind", "word": word, "question": phrasing.KIND_UNSEEN[0].format(w=word, k=asked),
               "answer": phrasing.is_kind(word, right, asked)}
    for name, table, template, answer in (
            ("opposite", knowledge.opposites, phrasing.OPPOSITE_UNSEEN[0], phrasing.opposite),
            ("synonym", knowledge.synonyms, phrasing.SYNONYM_UNSEEN[0], phrasing.synonym),
            ("what-kind", knowledge.kinds, phrasing.WHAT_KIND_UNSEEN[0], phrasing.kind),
            ("capital", {**knowledge.capitals, **knowledge.states}, phrasing.CAPITAL_UNSEEN[0], phrasing.capital),
            ("element-symbol", {e[0]: e[1] for e in knowledge.elements}, phrasing.SYMBOL_UNSEEN[0], phrasing.symbol),
            ("element-number", {e[0]: e[2] for e in knowledge.elements}, phrasing.NUMBER_UNSEEN[0], phrasing.number)):
        for word in sorted(rng.sample(sorted(table), min(400, len(table)))):
            yield {"set": name, "word": word, "question": template.format(w=word), "answer": answer(word, table[word])}
    for word in sorted(rng.sample(sorted(knowledge.opposites), min(300, len(knowledge.opposites)))):
        fact = knowledge.by_word[word]
        yield {"set": "follow-up", "word": word, "question": phrasing.FOLLOW_OPPOSITE[0],
               "history": [phrasing.UNSEEN[0].format(w=word), phrasing.definition(fact)],
               "answer": phrasing.opposite(word, knowledge.opposites[word])}
    for name, phrasings, answer in knowledge.small_talk:
        for text in phrasings[-2:]:
            yield {"set": "small-talk", "word": name, "question": text[0].upper() + text[1:], "answer": answer}


def relation_rows(knowledge):
    """The fact table's rows besides glosses."""
    tables = [("capital", {**knowledge.capitals, **knowledge.states}),
              ("symbol", {name: text for name, text, _ in knowledge.elements}),
              ("atomic number", {name: value for name, _, value in knowledge.elements}),
              ("opposite", knowledge.opposites), ("synonym", knowledge.synonyms), ("kind", knowledge.kinds)]
    return "".join("%s\t%s\t%s\n" % (word, relation, value) for relation, table in tables
                   for word, value in sorted(table.items()))


def write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8", newline="\n")
    return {"bytes": len(text.encode("utf-8")), "sha256": hashlib.sha256(text.encode("utf-8")).hexdigest()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--packages", type=pathlib.Path, help="folder for the unpacked packages (default: OUT/packages)")
    parser.add_argument("--facts", type=int, help="teach only the N most common headwords (default: all)")
    parser.add_argument("--rounds", type=int, default=30, help="times every fact is asked for in the training text")
    parser.add_argument("--no-prose", action="store_true", help="dialogue only, for small trials")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    packages = options.packages or options.out / "packages"
    root = sources.unpack_packages(packages)
    knowledge = Knowledge(root, options.facts)
    books = sources.read_books(root)
    rng = random.Random(options.seed)
    real, invented = knowledge.unknown_words(random.Random(options.seed + 1))
    measured_real, real = real[:500], real[500:]
    measured_invented, invented = invented[:500], invented[500:]

    # Prose and dialogue are mixed in one order, so that every part of a run sees both.
    sequences = [] if options.no_prose else list(prose_sequences(books))
    prose_count = len(sequences)
    unknown_share = int(0.2 * len(knowledge.facts))
    for round_number in range(options.rounds):
        start = round_number * (unknown_share // 2)
        unknown = [pool[(start + i) % len(pool)] for pool in (real, invented) for i in range(unknown_share // 2)]
        sequences += dialogue_round(knowledge, rng, unknown)
    rng.shuffle(sequences)
    trained_questions = {q for s in sequences for q in re.findall(r"<user>(.*?)<assistant>", s)}
    overlap = {t.format(w=f.word) for t in phrasing.UNSEEN for f in knowledge.facts} & trained_questions
    if overlap:
        raise ValueError("%d unseen questions are in the training text, for example %r" % (len(overlap), min(overlap)))

    summary = {"seed": options.seed, "rounds": options.rounds, "facts": len(knowledge.facts),
               "opposites": len(knowledge.opposites), "synonyms": len(knowledge.synonyms), "kinds": len(knowledge.kinds),
               "capitals": len(knowledge.capitals) + len(knowledge.states), "elements": len(knowledge.elements),
               "smallTalkIntents": len(knowledge.small_talk), "dialogueSequences": len(sequences) - prose_count,
               "proseSequences": prose_count, "turns": sum(s.count("<user>") for s in sequences),
               "packages": dict(sources.package_versions(packages))}
    out = options.out
    files = summary["files"] = {}
    files["train.txt"] = write(out / "train.txt", "".join("<s>%s\n" % s for s in sequences))
    # Enough of the mix to learn pieces from.
    files["tokenizer.txt"] = write(out / "tokenizer.txt", "".join(s.replace("</s>", "\n") + "\n" for s in sequences[:len(sequences) // 5]))
    glosses = "".join("%s\t%s\t%s\n" % (f.word, phrasing.PART_NAMES[f.part], f.gloss) for f in knowledge.facts)
    summary["glossBits"] = 8 * len(lzma.compress(glosses.encode("utf-8"), preset=9 | lzma.PRESET_EXTREME))
    files["facts.tsv"] = write(out / "facts.tsv", glosses + relation_rows(knowledge))
    frozen = frozen_questions(knowledge, measured_real, measured_invented, trained_questions, random.Random(options.seed + 2))
    files["questions.jsonl"] = write(out / "questions.jsonl", "".join(
        json.dumps(q, ensure_ascii=False, separators=(",", ":")) + "\n" for q in frozen))
    files["chat_template.json"] = write(out / "chat_template.json", json.dumps(CHAT_TEMPLATE, indent=2) + "\n")
    for name, title, author, year, paragraphs in books:
        kind = "held_out" if name in HELD_OUT_BOOKS else "texts"
        files["%s/%s.txt" % (kind, name)] = write(out / kind / (name + ".txt"), "\n\n".join(paragraphs) + "\n")
    write(out / "summary.json", json.dumps(summary, indent=1) + "\n")
    print(json.dumps({k: v for k, v in summary.items() if k not in ("packages", "files")}))


if __name__ == "__main__":
    main()
