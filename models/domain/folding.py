"""Text as people see it: what draws nothing goes, and signs that look like letters become them. Needs no torch.

Training, serving, near-duplicates and captions all fold alike. What carries meaning stays: the joiners of Persian and
of Indian scripts, those inside of emoji, the flags of regions, and words that are Cyrillic or Greek as a whole.
"""

from __future__ import annotations

import html
import re
import unicodedata
from html.entities import html5

# Default_Ignorable_Code_Point of Unicode 16 (DerivedCoreProperties.txt), and the marks of interlinear annotation
UNDRAWN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
CONTROLS = r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # without those that are space
BLANK = "\u2800"  # of Braille: as wide as a letter, and empty
JOINERS = "\u200c\u200d"  # non-joiner, joiner

_DRAWN = re.compile(rf"[^\s\x00-\x1f\x7f-\x9f{BLANK}{UNDRAWN}]")


def is_blank(text: str | None) -> bool:
    """Whether a reader of the text sees nothing: it is missing, or all of it is space and signs that draw nothing."""
    return not text or _DRAWN.search(text) is None


def folded(text: str) -> str:
    """The text as it is drawn, in Unicode's form NFKC, with runs of space as one; case and punctuation stay.

    Words that are spelt letter by letter are put together, where four letters or more stand so. Character references of
    HTML are the characters that a page shows for them, once.
    """
    if "&" in text:
        text = _REFERENCE.sub(_referred, text)
    if not text.isascii():
        text = _lettered(unicodedata.normalize("NFKC", _drawn(text)))
    if not text.isprintable():  # it holds controls, or space that is no blank
        text = _CONTROL.sub("", text)
    if (spelt := _SPELT.search(text)) is not None:
        text = _put_together(text, spelt[1])
    return _SPACES.sub(_space, text) if "  " in text or not text.isprintable() else text


# what a page draws for &amp; or &#102;; zeros may stand before the number

_REFERENCE = re.compile(r"&(#0{0,99}[0-9]{1,7}|#x0{0,99}[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)


def _referred(found: re.Match[str]) -> str:
    """The character of a number, or of a name that there is: `html.unescape` takes the beginning of a name as well."""
    is_one = found[1].startswith("#") or f"{found[1]};" in html5
    return html.unescape(found[0]) if is_one else found[0]


# what draws nothing

# a flag of a region is a black flag, the region's code in tags, and a tag that ends it
_NOTHING = re.compile(
    rf"(\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{{3,6}}\U000e007f)|(?![{JOINERS}])[{UNDRAWN}]"
)
_ARABIC = "\u0620-\u06ff\u0750-\u077f\u08a0-\u08ff"
_VIRAMA = (
    "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d3b\u0d3c\u0d4d\u0dca\u1039\u103a\u17d2\u1a60\u1b44"
)
_PICTURE = "\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\U0001f000-\U0001faff\U000e007f"
_JOINED = re.compile(  # where a joiner shows; of several together one, and none elsewhere
    rf"(?<=[{_VIRAMA}])([{JOINERS}])[{JOINERS}]*(?=\w)|([{JOINERS}])[{JOINERS}]*(?=[{_VIRAMA}])"
    rf"|(?<=[{_ARABIC}])[{JOINERS}]*(\u200c)[{JOINERS}]*(?=[{_ARABIC}])"
    rf"|(?<=[{_PICTURE}])[{JOINERS}]*(\u200d)[{JOINERS}]*(?=[{_PICTURE}])|[{JOINERS}]+"
)
_OVERRIDE = re.compile("([\u202d\u202e])([^\u202a-\u202e\n]*)")  # until the next mark of the kind
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_CLUSTER = re.compile(r".[\u0300-\u036f]*", re.DOTALL)


def _drawn(text: str) -> str:
    """Without what draws nothing; what is drawn backwards is turned round before its marks go."""
    if "\u202e" in text or "\u202d" in text:
        text = _OVERRIDE.sub(_as_read, text)
    text = _NOTHING.sub(lambda found: found[1] or "", text)
    if "\u200c" in text or "\u200d" in text:
        text = _JOINED.sub(lambda found: found[found.lastindex] if found.lastindex else "", text)
    return text.replace(BLANK, " ")


def _as_read(found: re.Match[str]) -> str:
    """What stands behind an override is drawn in its direction, and read in that of its letters."""
    mark, inside = found[1], found[2]
    other = len(_RIGHT_TO_LEFT.findall(inside))
    backwards = other * 2 <= len(inside) if mark == "\u202e" else other * 2 > len(inside)
    return "".join(reversed(_CLUSTER.findall(inside))) if backwards else inside


_CONTROL, _SPACES = re.compile(rf"[{CONTROLS}]"), re.compile(r"\s{2,}")


def _space(run: re.Match[str]) -> str:
    """A run of space is one space, or one or two new lines where it has such."""
    return "\n" * min(2, run[0].count("\n")) or " "


# words spelt letter by letter, as in w o r d s or w.o.r.d.s

_LETTER = r"[A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u058f]"
_BETWEEN = r"([ \n\t.\-_*/'~+|,\u00b7\u2022])"
_EACH = 3
_ALONE = rf"{_LETTER}(?![^\W_])"
_SPELT = re.compile(
    rf"{_BETWEEN}{_LETTER}\1{_LETTER}\1{_ALONE}"
)  # behind a first letter, for most texts have none
_LETTER_BY_LETTER = re.compile(  # in such a text also shorter ones, but for a pair whose second letter begins the next
    rf"(?<![^\W_]){_LETTER}{_BETWEEN}{_ALONE}(?:(?:\1{_ALONE})+|(?![ \n\t.\-_*/'~+|,\u00b7\u2022]{_ALONE}))"
)


def _put_together(text: str, sign: str) -> str:
    """Without the sign, where it stands behind every second character or so; else words of single letters alone."""
    if sign != " " and text.count(sign) * _EACH >= len(text):
        return text.replace(sign, "")
    return _LETTER_BY_LETTER.sub(lambda run: run[0].replace(run[1], ""), text)


# what looks like letters

_OVERLAYS = frozenset("\u0334\u0335\u0336\u0337\u0338\u0489\u20d2\u20d3\u20d8\u20d9\u20da\u20e5\u20eb")
_HEAP = 3  # marks on one letter: no language writes as many
_MARKS = r"\u0300-\u036f\u0489\u20d0-\u20dc\u20e5-\u20f0"
_MARKED = re.compile(rf"[^{_MARKS}][{_MARKS}]+")


def _unmarked(found: re.Match[str]) -> str:
    """A sign without its marks, where they strike it through or are heaped on it."""
    apart = unicodedata.normalize("NFD", found[0])
    letter, marks = apart[0], apart[1:]
    return letter if len(marks) >= _HEAP or not _OVERLAYS.isdisjoint(marks) else found[0]


def _pairs(signs: str, letters: str) -> dict[str, str]:
    return dict(zip(signs, letters, strict=True))


# Always letters: small capitals, and those in black circles and squares but for four that are emoji of blood types
_PLAIN = _pairs("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢɑɡ", "abcdefghijklmnoprstuvwyzag") | {
    chr(start + place): chr(ord("a") + place)
    for start in (0x1F150, 0x1F170)
    for place in range(26)
    if chr(start + place) not in "\U0001f170\U0001f171\U0001f17e\U0001f17f"
}
_TABLE = str.maketrans(_PLAIN)

# Like Latin ones beside Latin ones: from Unicode's confusables (UTS 39), with small forms of capitals that are alike
_CYRILLIC = _pairs(
    "авёеѕіїјкӏмнорԛстуԝхһԁѵАВЁЕЅІЇЈКӀМНОРԚСТУԜХҺԀѴ",
    "abëesiïjklmhopqctywxhdvABËESIÏJKIMHOPQCTYWXHDV",
)
_GREEK = _pairs("αβγεηικνορστυχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abyenikvopotuxwABEZHIKMNOPTYX")
_OTHERS = _pairs("օսոհցՏԼՕՍᎪᏴᏟᎬᎻᎫᏦᏞᎷᏢᎡᏚᎢᏙᎳᏃᎠᏀ", "ounhgSLOUABCEHJKLMPRSTVWZDG")  # Armenian, Cherokee
_TO_LATIN = _CYRILLIC | _GREEK | _OTHERS
# so alike that a word of them alone may be a Latin one
_ALIKE = frozenset("аёеѕіїјӏорԛсуԝхһԁѵοАВЁЕЅІЇЈКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
_BACK = (  # Latin letters that look like those of a script, by where its letters lie
    ("\u0400", "\u052f", _pairs("aceijkmopstxyëïABCEHIJKMOPSTXYËÏ", "асеіјкморѕтхуёїАВСЕНІЈКМОРЅТХУЁЇ")),
    ("\u0370", "\u03ff", _pairs("aeiknoptuvwxyABEZHIKMNOPTYX", "αεικηορτυνωχγΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")),
)
_FOREIGN = re.compile("[\u0370-\u03ff\u0400-\u058f\u13a0-\u13ff]")
_LATIN = re.compile("[A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff]")
_WORD = re.compile(r"[^\W\d_]\w*")
_RULES = 4  # times as many Latin letters as others make a Latin text


def _lettered(text: str) -> str:
    text = _MARKED.sub(_unmarked, text).translate(_TABLE)
    if _FOREIGN.search(text) and _LATIN.search(text):
        return _in_one_script(text)
    return text


def _in_one_script(text: str) -> str:
    """Every word that mixes Latin letters with look-alikes in the script that its other letters are of.

    A word of nothing but look-alikes is Latin where such words are about, or all but a few letters are Latin.
    """
    words = {word: _unmixed(word) for word in dict.fromkeys(_WORD.findall(text))}
    tricked = any(now != word and not _FOREIGN.search(now) for word, now in words.items())
    if tricked or len(_LATIN.findall(text)) >= _RULES * len(_FOREIGN.findall(text)):
        words = {word: _latin(now) if _alike(now) else now for word, now in words.items()}
    return _WORD.sub(lambda found: words[found[0]], text)


def _unmixed(word: str) -> str:
    others, latin = _FOREIGN.findall(word), _LATIN.findall(word)
    if not others or not latin:
        return word
    if all(letter in _TO_LATIN for letter in others):
        return _latin(word)
    for first, last, table in _BACK:
        theirs = len(others) > len(latin) and all(first <= letter <= last for letter in others)
        if theirs and all(letter in table for letter in latin):
            return "".join(table.get(letter, letter) for letter in word)
    return word


def _alike(word: str) -> bool:
    return all(letter in _ALIKE for letter in word if letter.isalpha())


def _latin(word: str) -> str:
    return "".join(_TO_LATIN.get(letter, letter) for letter in word)
