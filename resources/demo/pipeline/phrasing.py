"""How people ask, and how the model answers. Questions hold {w} for the word; answers are built by the functions below.

UNSEEN phrasings are never trained on: they measure whether the model understands questions or only knows them.
"""

import re

TRAINED = [
    "What does {w} mean?", "What is the meaning of {w}?", "Define {w}.", "Can you define {w}?", "Please define {w}.",
    "What is the definition of {w}?", "Tell me what {w} means.", "Do you know the word {w}?",
    "I do not know the word {w}. What does it mean?", "Explain {w}.", "Explain the word {w}, please.", "Meaning of {w}?",
    "{w}?", "{w}", "What does the word {w} mean?", "Could you tell me the meaning of {w}?", "What is meant by {w}?",
    "How would you define {w}?", "Look up {w}.", "Look up the word {w} for me.",
    "I keep reading the word {w}. What does it mean?", "In a dictionary, what stands under {w}?",
    "Give me the definition of {w}.", "Help me understand the word {w}.", "Hello! What does {w} mean, please?",
    "Next word: {w}.", "What about {w}?", "And {w}?",
]
UNSEEN = [
    "Could you explain what {w} means?", "Please tell me the definition of {w}.", "What would you say {w} means?",
    "I came across the word {w} in a book. What is it?",
]

OPPOSITE = ["What is the opposite of {w}?", "Tell me the opposite of {w}.", "Opposite of {w}?", "What is an antonym of {w}?",
            "Which word is the opposite of {w}?", "Give me the opposite of {w}."]
OPPOSITE_UNSEEN = ["Do you know the opposite of {w}?"]
SYNONYM = ["What is another word for {w}?", "Tell me a synonym of {w}.", "Synonym of {w}?", "Which word is close to {w}?",
           "Give me another word for {w}.", "What is a synonym for {w}?"]
SYNONYM_UNSEEN = ["Do you know another word for {w}?"]
KIND = ["Is {w} a kind of {k}?", "Is a {w} a kind of {k}?", "Would you say {w} is a kind of {k}?", "{w}: is it a kind of {k}?"]
KIND_UNSEEN = ["Can one say that {w} is a kind of {k}?"]
WHAT_KIND = ["What kind of thing is {w}?", "What is {w} a kind of?", "What sort of thing is {w}?"]
WHAT_KIND_UNSEEN = ["Which kind of thing is {w}?"]

FOLLOW_OPPOSITE = ["And its opposite?", "And the opposite?", "What is its opposite?", "And what is the opposite of it?"]
FOLLOW_SYNONYM = ["Another word for it?", "And a synonym?", "What is another word for it?", "Is there another word for it?"]
FOLLOW_KIND = ["What kind of thing is it?", "And what kind of thing is that?", "What is it a kind of?"]
FOLLOW_AGAIN = ["Can you say that again?", "Say that once more, please.", "Repeat the definition.", "Sorry, what was it?"]

CAPITAL = ["What is the capital of {w}?", "Capital of {w}?", "Tell me the capital of {w}.", "Which city is the capital of {w}?",
           "Do you know the capital of {w}?"]
CAPITAL_UNSEEN = ["Please name the capital of {w}."]
SYMBOL = ["What is the symbol of {w}?", "What is the chemical symbol of {w}?", "Symbol of {w}?", "Tell me the symbol of {w}.",
          "Which symbol has the element {w}?"]
SYMBOL_UNSEEN = ["Please name the symbol of {w}."]
NUMBER = ["What is the atomic number of {w}?", "Atomic number of {w}?", "Tell me the atomic number of {w}.",
          "Which atomic number has {w}?"]
NUMBER_UNSEEN = ["Please name the atomic number of {w}."]

PART_NAMES = {"n": "noun", "v": "verb", "a": "adjective", "r": "adverb"}


def definition(fact):
    return "%s (%s): %s." % (fact.word, PART_NAMES[fact.part], fact.gloss)


def refusal(word):
    return "I do not know the word %s." % word


def opposite(word, other):
    return "The opposite of %s is %s." % (word, other)


def synonym(word, other):
    return "A word close to %s is %s." % (word, other)


def kind(word, other):
    return "%s is a kind of %s." % (word, other)


def is_kind(word, right, asked):
    return ("Yes, " if asked == right else "No, ") + kind(word, right)


def capital(place, city):
    return "The capital of %s is %s." % (place, city)


def symbol(name, text):
    return "The symbol of %s is %s." % (name, text)


def number(name, value):
    return "The atomic number of %s is %d." % (name, value)


def _typo(word, rng):
    at = rng.randrange(1, len(word) - 1)
    kind_of_typo = rng.randrange(3)
    if kind_of_typo == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2:]
    if kind_of_typo == 1:
        return word[:at] + word[at + 1:]
    return word[:at] + word[at] + word[at:]


def noisy(template, rng):
    """The template as a hurried person types it: lower case, no end mark, a typo outside the headword, quotes."""
    text, ways = template, rng.randrange(1, 8)
    if ways & 1:
        text = text.lower()
    if ways & 2:
        text = re.sub(r"[?.]$", "", text)
    if ways & 4:
        words = [m for m in re.finditer(r"[A-Za-z]{4,}", text)]
        if words:
            chosen = rng.choice(words)
            text = text[:chosen.start()] + _typo(chosen.group(), rng) + text[chosen.end():]
    if "{w}" in text and rng.random() < 0.1:
        text = text.replace("{w}", '"{w}"')
    return text


def alternatives(pattern):
    """Every text of a pattern with {a|b|} groups, in a fixed order."""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if not match:
        return [re.sub(r"\s+", " ", pattern).strip()]
    found = []
    for option in match.group(1).split("|"):
        found += alternatives(pattern[:match.start()] + option + pattern[match.end():])
    return found
