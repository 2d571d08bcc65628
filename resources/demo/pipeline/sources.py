"""Where the raw material comes from: Debian packages, unpacked into a folder without being installed.

Everything read here is a file of a Debian 12 package, so two runs on the same release read the same bytes.
"""

import pathlib
import re
import struct
import subprocess
import zlib
import gzip

PACKAGES = [
    "wordnet-base",
    "scowl",
    "bsdgames",
    "dict-elements",
    "r-cran-janeaustenr",
    "r-cran-tidytext",
    "golang-github-jdkato-prose-dev",
    "golang-github-klauspost-compress-dev",
    "php-faker",
]


def unpack_packages(folder):
    """Downloads and unpacks PACKAGES below `folder` (kept for the next run); returns the unpacked root."""
    folder = pathlib.Path(folder).resolve()
    root = folder / "root"
    for name in PACKAGES:
        done = folder / (name + ".unpacked")
        if done.exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(name + "_*.deb"):
            old.unlink()
        subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", name], cwd=folder, check=True)
        (deb,) = folder.glob(name + "_*.deb")
        subprocess.run(["dpkg-deb", "-x", str(deb), str(root)], check=True)
        done.write_text(deb.name + "\n")
        deb.unlink()
    return root


def package_versions(folder):
    """[(package, file name with version)] of what unpack_packages() put there."""
    folder = pathlib.Path(folder)
    return [(name, (folder / (name + ".unpacked")).read_text().strip()) for name in PACKAGES]


# ---- R data files: just enough of the serialisation format to read vectors of strings --------------------------

class _RReader:
    """Reads R's XDR serialisation, versions 2 and 3. Returns nested lists; strings as str, the rest as None."""

    def __init__(self, data):
        self.data, self.at = data, 0
        self.references = []
        if self.data[:2] != b"X\n":
            raise ValueError("R data begins with %r, needed: an XDR stream" % self.data[:2])
        self.at = 2
        version = self.integer()
        self.integer(), self.integer()
        if version == 3:
            size = self.integer()
            self.at += size

    def integer(self):
        value = struct.unpack_from(">i", self.data, self.at)[0]
        self.at += 4
        return value

    def item(self):
        flags = self.integer()
        kind, has_attributes, has_tag = flags & 255, flags & 512, flags & 1024
        if kind in (254, 253, 242, 251, 252):  # nil, global and base environments
            return None
        if kind == 255:  # reference
            return self.references[(flags >> 8 or self.integer()) - 1]
        if kind == 1:  # symbol
            name = self.item()
            self.references.append(name)
            return name
        if kind == 2:  # pairlist
            attributes = self.item() if has_attributes else None
            tag = self.item() if has_tag else None
            value = self.item()
            rest = self.item()
            return [(tag, value)] + (rest if isinstance(rest, list) else [])
        if kind == 9:  # one string
            size = self.integer()
            if size < 0:
                return None
            text = self.data[self.at:self.at + size].decode("utf-8", "replace")
            self.at += size
            return text
        if kind in (10, 13):  # logical, integer
            count = self.integer()
            self.at += 4 * count
            value = None
        elif kind == 14:  # double
            count = self.integer()
            self.at += 8 * count
            value = None
        elif kind in (16, 19, 20):  # strings, lists, expressions
            value = [self.item() for _ in range(self.integer())]
        elif kind == 238:  # alternative representation: info, state, attributes
            self.item()
            value = self.item()
            self.item()
            return value
        else:
            raise ValueError("R data holds an object of kind %d at byte %d" % (kind, self.at))
        if has_attributes:
            self.item()
        return value


def _lines_of_r_database(file):
    """The string vectors of an R package's lazy-load database (*.rdb), in their order."""
    data, at, vectors = file.read_bytes(), 0, []
    while at < len(data):
        stream = zlib.decompressobj()
        raw = stream.decompress(data[at + 4:])
        at = len(data) - len(stream.unused_data)
        value = _RReader(raw).item()
        if isinstance(value, list) and value and isinstance(value[0], str):
            vectors.append(value)
    return vectors


def _books_of_rda(file):
    """{title: lines} of tidytext's books.rda: a data frame of two string columns, text and book."""
    data = gzip.decompress(file.read_bytes())
    (_, frame), = _RReader(data[data.index(b"X\n"):]).item()
    columns = [column for column in frame if isinstance(column, list)]
    text, titles = columns[0], columns[1]
    books = {}
    for line, title in zip(text, titles):
        books.setdefault(title, []).append(line or "")
    return books


# ---- books -----------------------------------------------------------------------------------------------------

def _paragraphs(lines):
    """Hard-wrapped lines to one paragraph a line; the distributor's remarks and emphasis marks are removed."""
    paragraphs, current = [], []
    for line in list(lines) + [""]:
        line = re.sub(r"\s+", " ", line.replace("\r", "")).strip()
        if line:
            current.append(line)
        elif current:
            paragraphs.append(" ".join(current))
            current = []
    cleaned = []
    for text in paragraphs:
        if text == "A NOTE ON THE TEXT":  # what a later editor appended
            break
        if re.match(r"\[.*(edition|volume)", text, re.I) or re.search(r"gutenberg|e-?text|ebook|transcrib|\*\*\*|www\.|http", text, re.I):
            continue
        text = text.replace("--", " - ").replace("_", "")
        text = text.translate(str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'",
                                             "\u2014": " - ", "\u2013": " - ", "\u00a0": " "}))
        text = re.sub(r"\s+", " ", text).strip()
        if text and "\ufffd" not in text:
            cleaned.append(text)
    return cleaned


def _between(lines, first, last):
    """Lines from the first that matches `first` up to (not with) the first after it that matches `last`."""
    start = next(i for i, line in enumerate(lines) if re.search(first, line))
    end = next((i for i in range(start + 1, len(lines)) if last and re.search(last, lines[i])), len(lines))
    return lines[start:end]


def read_books(root):
    """[(short name, title, author, year, paragraphs)], public-domain novels without any added header or licence."""
    root = pathlib.Path(root)
    library = root / "usr/lib/R/site-library"
    books = []
    austen = {"Emma": ("emma", 1815), "Mansfield Park": ("mansfield_park", 1814),
              "Northanger Abbey": ("northanger_abbey", 1817), "Persuasion": ("persuasion", 1817),
              "Pride and Prejudice": ("pride_and_prejudice", 1813),
              "Sense & Sensibility": ("sense_and_sensibility", 1811)}
    names = sorted(austen)  # the database stores the six novels in this order of their variable names
    vectors = _lines_of_r_database(library / "janeaustenr/data/Rdata.rdb")
    for lines in vectors:
        head = re.sub(r"[^A-Z ]", "", " ".join(lines[:5]).upper())
        title = next((t for t in names if re.sub(r"[^A-Z ]", "", t.upper().replace("&", "AND"))
                      in head.replace("&", "AND")), None)
        if title is None:
            raise ValueError("a novel of r-cran-janeaustenr begins with %r" % lines[:3])
        short, year = austen[title]
        books.append((short, title.replace("&", "and"), "Jane Austen", year, _paragraphs(lines)))
    other = {"Great Expectations": ("great_expectations", "Charles Dickens", 1861),
             "The War of the Worlds": ("war_of_the_worlds", "H. G. Wells", 1898),
             "Twenty Thousand Leagues under the Sea": ("twenty_thousand_leagues", "Jules Verne", 1872)}
    for title, lines in _books_of_rda(library / "tidytext/extdata/books.rda").items():
        if title in other:
            short, author, year = other[title]
            books.append((short, title, author, year, _paragraphs(lines)))
    code = root / "usr/share/gocode/src/github.com"
    holmes = (code / "jdkato/prose/testdata/sherlock.txt").read_text("utf-8", "replace").split("\n")
    books.append(("sherlock_holmes", "The Adventures of Sherlock Holmes", "Arthur Conan Doyle", 1892,
                  _paragraphs(_between(holmes, r"^ADVENTURE I\.", r"^End of the Project"))))
    sawyer = (code / "klauspost/compress/testdata/Mark.Twain-Tom.Sawyer.txt").read_text("utf-8", "replace")
    books.append(("tom_sawyer", "The Adventures of Tom Sawyer", "Mark Twain", 1876,
                  _paragraphs(_between(sawyer.split("\n"), r"^CHAPTER I\b", r"^End of (the )?Project|\*\*\* ?END"))))
    php = (root / "usr/share/php/Faker/Provider/en_US/Text.php").read_text("utf-8", "replace")
    alice = re.search(r"<<<'EOT'\n(.*?)\nEOT;", php, re.S).group(1)
    books.append(("alice_in_wonderland", "Alice's Adventures in Wonderland", "Lewis Carroll", 1865,
                  _paragraphs(alice.split("\n"))))
    return sorted(books)


# ---- word lists ------------------------------------------------------------------------------------------------

def read_word_levels(root):
    """{word: SCOWL level}; low levels are common words. Lower-case ASCII words only."""
    levels = {}
    for file in sorted((pathlib.Path(root) / "usr/share/dict/scowl").iterdir()):
        match = re.fullmatch(r"(?:english|american)-words\.(\d+)", file.name)
        if not match:
            continue
        level = int(match.group(1))
        for word in file.read_text("latin-1").split():
            if re.fullmatch(r"[a-z]{2,}", word):
                levels[word] = min(level, levels.get(word, 100))
    return levels
