"""What the bundled model does not teach, decided on purpose: it opens in front of anybody, children included.

Left out are senses that WordNet itself marks as slurs, disparagement, obscenity or vulgar slang, and words or glosses
about sex, sexual anatomy, excretion, sexual and gross violence, and hard drugs. Ordinary medicine, biology, crime,
war, religion and death stay in: a dictionary without them would be useless. The novels are taught unchanged; they are
works of their time and only sold as such (see resources/docs/bundled-model.md).
"""

import re

# Usage notes of WordNet (";u" pointers) whose synsets are dropped.
DROPPED_USAGES = {"disparagement", "depreciation", "derogation", "ethnic_slur", "obscenity", "dirty_word", "vulgarism",
                  "smut", "filth", "slang", "cant", "jargon", "lingo", "argot"}

_STEMS = ["sex", "intercourse", "copulat", "genital", "penis", "vagin", "vulva", "testic", "scrot", "semen", "sperm",
          "orgasm", "masturb", "erotic", "porn", "prostitut", "brothel", "whore", "harlot", "slut", "lewd", "nude",
          "nudity", "naked", "breast", "nipple", "buttock", "anus", "rectum", "feces", "faeces", "excrement", "defecat",
          "urin", "fart", "rape", "rapist", "incest", "molest", "pedophil", "obscen", "vulgar", "offensive", "disparag",
          "derogat", "slur", "contemptuous", "homosexual", "lesbian", "castrat", "menstru", "pubic", "lust", "condom",
          "heroin", "cocaine", "marijuana", "narcotic", "suicide", "torture", "mutilat", "behead", "genocide",
          "negro", "nigg", "jew", "gypsy", "idiot", "imbecile", "moron", "retard", "bastard", "bitch", "damn"]
_PATTERN = re.compile(r"\b(?:%s)" % "|".join(_STEMS), re.I)
_ALLOWED = re.compile(r"\b(?:sextant|sextet|sexton|jewel\w*|urinal|lustr\w*|lusti\w*|retardant)\b", re.I)


def is_unwanted(text):
    return bool(_PATTERN.search(_ALLOWED.sub("", text)))
