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



def _varied():
    """Several hundred further ways to ask, made of parts, so that what is learned is the question and not its words."""
    things = ["{w}", "the word {w}", "the term {w}", "the meaning of {w}", "the definition of {w}", "what {w} means",
              "what the word {w} means", "what is meant by {w}", "the sense of {w}", "the expression {w}"]
    verbs = {"explain": things, "describe": things[:5], "clarify": things[:8], "interpret": things[:3],
             "define": things[:3], "look up": things[:5], "show me": things[3:8], "give me": things[3:5],
             "tell me": things[3:8], "find": things[3:5], "recall": things[3:8], "teach me": things[:8]}
    acts = [verb + " " + thing for verb, objects in verbs.items() for thing in objects]
    openers = ["", "Please ", "Can you ", "Could you please ", "Would you ", "I want you to ", "Kindly ", "Now ",
               "I would like you to ", "Will you ", "Try to ", "Are you able to "]
    found = []
    for number, act in enumerate(acts):
        for step, opener in enumerate(openers):
            if (number + step) % 3 == 0:
                text = opener + act
                asks = opener in ("Can you ", "Could you please ", "Would you ", "Will you ", "Are you able to ")
                found.append(text[0].upper() + text[1:] + ("?" if asks else "."))
    places = ["in a letter", "in the newspaper", "yesterday", "at school", "on the radio", "in a poem", "at work",
              "in an old novel", "in a song", "for the first time", ""]
    meetings = ["I found the word {w}", "I heard {w}", "I read {w}", "Somebody said {w}", "I met the word {w}",
                "My teacher used the word {w}", "There was the word {w}", "I saw {w}", "They wrote {w}",
                "A friend used {w}"]
    then = ["What does it mean?", "What is that?", "What does that mean?", "Can you explain it?", "What could that be?",
            "Do you know it?", "Please explain.", "What is meant?", "Tell me what it is.", "What did they mean?"]
    for number, meeting in enumerate(meetings):
        for step, place in enumerate(places):
            found.append((meeting + " " + place).strip() + ". " + then[(number * 3 + step) % len(then)])
    found += [
        "What do you understand by {w}?", "What do people mean by {w}?", "What might {w} mean?", "What would {w} be?",
        "What exactly is {w}?", "What exactly does {w} mean?", "So what does {w} mean?", "Any idea what {w} means?",
        "Do you know what {w} means?", "I wonder what {w} means.", "I forgot what {w} means.", "Who can tell me what {w} is?",
        "How do you define {w}?", "How is {w} defined?", "How would you explain {w} to a child?", "What is {w} in short?",
        "In one sentence, what is {w}?", "In a few words: {w}.", "{w}: what does it mean?", "{w} - what is that?",
        "{w}, please.", "Word: {w}", "Definition of {w}.", "Definition: {w}", "Meaning of the word {w}.", "The word is {w}.",
        "My word is {w}.", "I need the meaning of {w}.", "I am looking for the meaning of {w}.", "I have to know what {w} is.",
        "I do not understand {w}.", "I do not understand the word {w}. Help me.", "Is {w} a word you know?",
        "Does {w} mean anything?", "What sort of word is {w}?", "What is the word {w} used for?", "What does one call {w}?",
        "For homework I need {w}. What is it?", "Let me ask about {w}.", "Let us do {w} next.", "And now {w}?",
        "Hi, what does {w} mean?", "Good morning! What is {w}?", "Sorry, what does {w} mean again?", "Quick: {w}?",
        "What is this {w} that everybody talks about?", "If somebody says {w}, what do they mean?",
        "When I say {w}, what do I say?", "Could {w} be explained?", "Would you know the meaning of {w}?",
    ]
    return [text for text in dict.fromkeys(found) if text not in UNSEEN]


VARIED = _varied()

OPPOSITE = ["What is the opposite of {w}?", "Tell me the opposite of {w}.", "Opposite of {w}?", "What is an antonym of {w}?",
            "Which word is the opposite of {w}?", "Give me the opposite of {w}.", "What would be the opposite of {w}?",
            "Can you tell me the opposite of {w}?", "Has {w} an opposite?", "I need the opposite of {w}."]
OPPOSITE_UNSEEN = ["Do you know the opposite of {w}?"]
SYNONYM = ["What is another word for {w}?", "Tell me a synonym of {w}.", "Synonym of {w}?", "Which word is close to {w}?",
           "Give me another word for {w}.", "What is a synonym for {w}?", "Can you tell me another word for {w}?",
           "Is there another word for {w}?", "I need a word like {w}.", "What could I say in place of {w}?"]
SYNONYM_UNSEEN = ["Do you know another word for {w}?"]
KIND = ["Is {w} a kind of {k}?", "Is a {w} a kind of {k}?", "Would you say {w} is a kind of {k}?", "{w}: is it a kind of {k}?",
        "Is it true that {w} is a kind of {k}?", "Do you agree that {w} is a kind of {k}?", "Is {w} a sort of {k}?",
        "Tell me whether {w} is a kind of {k}.", "Would it be right to call {w} a kind of {k}?", "Is every {w} a kind of {k}?",
        "Does {w} belong to the kind {k}?", "Could {w} be a kind of {k}?", "I think {w} is a kind of {k}. Is that right?"]
KIND_UNSEEN = ["Can one say that {w} is a kind of {k}?"]
WHAT_KIND = ["What kind of thing is {w}?", "What is {w} a kind of?", "What sort of thing is {w}?",
             "Tell me what kind of thing {w} is.", "{w} is a kind of what?"]
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


def no_opposite(word):
    return "I know no opposite of %s." % word


def no_synonym(word):
    return "I know no other word for %s." % word


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
