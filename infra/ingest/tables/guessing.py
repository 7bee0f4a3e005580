"""What the columns of a table may mean, guessed from their names and some of their values: a proposal, never a deed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence

from infra.forms import FormError, language, market, moment
from infra.ingest.reject import BadLineError
from infra.ingest.tables.mapping import Categories, Label, Map, Reading
from infra.ingest.tables.verdicts import called, simple, split
from infra.ingest.tables.words import NONE_OF_THEM, NOTHING, bare, fraction, meaning
from models.domain.content import UNKNOWN_LANGUAGE
from models.domain.policy import PolicySet

CLOSE = 0.85  # similarity from which on a name may be a policy's, misspelt
MAX_CATEGORIES = 40  # distinct values that a column of categories has at most
MIN_MATCHING_SHARE = 0.8  # share of a column's values that must be what it is guessed to be
MIN_VERDICT_SHARE = 0.5  # the same of a column of verdicts, among which are words that nobody knows
WORDY = 12  # characters that a text has on average at least

NAMES: dict[str, tuple[str, ...]] = {
    "text": ("text", "comment", "commenttext", "message", "body", "content", "caption", "posttext", "tweet", "post",
             "kommentar", "beitrag", "nachricht", "inhalt", "texte", "commentaire", "texto", "comentario", "prompt"),
    "post_id": ("postid", "commentid", "messageid", "tweetid", "contentid", "itemid", "id", "uuid", "beitragsid"),
    "author_id": ("authorid", "author", "userid", "user", "username", "account", "accountid", "autor", "benutzer",
                  "nutzer", "auteur", "usuario"),
    "created_at": ("createdat", "created", "createddate", "postedat", "posted", "publishedat", "timestamp", "date",
                   "when", "datetime", "time", "datum", "zeit", "erstellt", "erstelltam", "fecha"),
    "language": ("language", "lang", "sprache", "locale", "langue", "idioma"),
    "market": ("market", "country", "countrycode", "land", "region", "pays", "pais"),
    "image": ("image", "imagepath", "imagefile", "picture", "photo", "bild"),
    "video": ("video", "videopath", "videofile", "clip"),
    "views": ("views", "viewcount", "impressions", "aufrufe"),
    "moderator_id": ("moderatorid", "moderator", "annotator", "annotatorid", "reviewer", "reviewerid", "judge",
                     "judgedby", "moderatedby", "reviewedby", "completedby"),
    "decided_at": ("decidedat", "judgedat", "reviewedat", "moderatedat", "annotatedat"),
    "policy": ("policy", "policykey", "rule", "guideline"),
    "violates": ("violates", "violation", "violating", "verdict", "isviolation"),
    "withdrawn": ("withdrawn", "cancelled", "wascancelled", "revoked"),
}  # fmt: skip
LABELS = {  # what exports call a policy that our sets may have
    "spam": "fraud_and_spam", "isspam": "fraud_and_spam", "scam": "fraud_and_spam", "hate": "hate_speech",
    "hatespeech": "hate_speech", "identityattack": "hate_speech", "insult": "harassment", "bullying": "harassment",
    "threat": "violence", "obscene": "profanity", "swearing": "profanity", "offensive": "profanity",
    "offensivelanguage": "profanity", "sexualexplicit": "sexual_content", "nudity": "sexual_content",
}  # fmt: skip
CATEGORIES = (
    "policy",
    "policies",
    "choices",
    "label",
    "labels",
    "category",
    "categories",
    "class",
    "tag",
    "tags",
    "kategorie",
    "klasse",
)
DETAILS = ("moderator_id", "decided_at", "withdrawn")
WITHIN = (
    "text",
    "postid",
    "authorid",
    "createdat",
    "language",
    "market",
    "image",
    "video",
)  # of nested columns
DATES = (
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}"), "%d.%m.%Y"),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}"), "%d.%m.%Y %H:%M"),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}:\d{2}"), "%d.%m.%Y %H:%M:%S"),
    (re.compile(r"\d{4}/\d{1,2}/\d{1,2}"), "%Y/%m/%d"),
    (re.compile(r"\d{4}/\d{1,2}/\d{1,2} \d{1,2}:\d{2}"), "%Y/%m/%d %H:%M"),
    (re.compile(r"\d{4}/\d{1,2}/\d{1,2} \d{1,2}:\d{2}:\d{2}"), "%Y/%m/%d %H:%M:%S"),
)  # that can be meant in one way only

Columns = Mapping[str, Sequence[str]]  # the values that are there, of each column's first rows


def guessed(columns: Columns, policy_set: PolicySet, said: Map | None = None) -> Map:
    """What is said, and a guess of what is not; a column is taken once."""
    said = said or Map()
    taken = set(said.wanted())
    found: dict[str, str] = {}
    for field, names in NAMES.items():
        if field in said.columns or field in said.constants:
            continue
        name = _named(field, names, columns, taken)
        if name is not None:
            found[field] = name
            taken.add(name)
    if not {"text", "image", "video"} & {*found, *said.columns} and "violates" not in found:
        longest = _longest(columns, taken)
        found |= {"text": longest} if longest else {}
        taken.add(longest)
    if not {"policy", "violates"} <= {*found, *said.columns}:  # one without the other says nothing
        taken -= {found.pop(name) for name in ("policy", "violates") if name in found}
    labels = _labels(columns, policy_set, taken)
    categories = said.categories or _categories(
        columns, policy_set, taken | {label.column for label in labels.values()}
    )
    words = (
        _words(columns[categories.column], policy_set) if categories and categories.column in columns else {}
    )
    reading = _reading(found, columns)
    base = Map(columns=found, labels=labels, categories=categories, words=words, reading=reading)
    return said.over(_of_judgements(base))


def _of_judgements(given: Map) -> Map:
    """Who judged, and when, is asked only where something was judged."""
    if given.labels or given.categories or "violates" in given.columns:
        return given
    columns = {name: column for name, column in given.columns.items() if name not in DETAILS}
    return given.model_copy(update={"columns": columns})


def _named(field: str, names: Sequence[str], columns: Columns, taken: set[str]) -> str | None:
    """The first column of one of the names whose values may be such a field."""
    free = [name for name in columns if name not in taken]
    for wanted in names:
        for name in free:
            last = name.rpartition(".")[2]
            if (simple(name) == wanted or (wanted in WITHIN and simple(last) == wanted)) and _fits(
                field, columns[name]
            ):
                return name
    return None


def _fits(field: str, values: Sequence[str]) -> bool:
    """Whether most of the values may be such a field."""
    if field == "post_id":
        return len(set(values)) > MIN_MATCHING_SHARE * len(values)
    test = FITS.get(field)
    return bool(values) and (test is None or _share(values, test) >= MIN_MATCHING_SHARE)


def _share(values: Sequence[str], test: Callable[[str], bool]) -> float:
    return sum(map(test, values)) / max(1, len(values))


def _is_time(text: str) -> bool:
    try:
        moment(text)
    except FormError:
        return any(form.fullmatch(text.strip()) for form, _ in DATES)
    return True


def _is_market(text: str) -> bool:
    try:
        market(text)
    except FormError:
        return False
    return True


def _is_word(text: str) -> bool:
    try:
        meaning(text, {})
    except BadLineError:
        return False
    return True


FITS: dict[str, Callable[[str], bool]] = {
    "text": lambda text: fraction(text) is None,
    "created_at": _is_time,
    "decided_at": _is_time,
    "language": lambda text: language(text) != UNKNOWN_LANGUAGE,
    "market": _is_market,
    "views": str.isdecimal,
    "violates": _is_word,
    "withdrawn": _is_word,
}


def _longest(columns: Columns, taken: set[str]) -> str:
    """The column of the longest texts."""
    sizes = {
        name: sum(map(len, values)) / len(values)
        for name, values in columns.items()
        if name not in taken and values
    }
    best = max(sizes, key=lambda name: sizes[name], default="")
    return best if best and sizes[best] >= WORDY else ""


def is_judged(values: Sequence[str]) -> bool:
    """Whether a column holds yes and no, or fractions, for the most part."""
    told = [text for text in values if bare(text) not in NOTHING]
    if not told:
        return False
    shares = _share(told, lambda text: fraction(text) is not None) >= MIN_MATCHING_SHARE
    return _share(told, _is_word) > MIN_VERDICT_SHARE or (
        shares and any("." in text or "," in text for text in told)
    )


def policy_of(name: str, policy_set: PolicySet) -> str | None:
    """The policy that a column is named for."""
    bare_name = simple(name.rpartition(".")[2])
    names = called(policy_set) | {other: key for other, key in LABELS.items() if key in policy_set.keys}
    found = names.get(bare_name) or names.get(simple(name)) or names.get(bare_name.removeprefix("is"))
    if found:
        return found
    near = difflib.get_close_matches(bare_name, names, 1, CLOSE)
    return names[near[0]] if near else None


def _labels(columns: Columns, policy_set: PolicySet, taken: set[str]) -> dict[str, Label]:
    found: dict[str, Label] = {}
    for name, values in columns.items():
        policy = policy_of(name, policy_set)
        if name in taken or policy is None or policy in found or not is_judged(values):
            continue
        shares = any(fraction(text) not in {None, 0.0, 1.0} for text in values)
        found[policy] = Label(column=name, votes=10 if shares else None)
    return found


def unmapped(columns: Columns, given: Map) -> list[str]:
    """Columns that look like labels and that nothing reads."""
    taken = given.wanted()
    return [name for name, values in columns.items()
            if name not in taken and is_judged(values) and len({bare(value) for value in values}) > 1]  # fmt: skip


def _categories(columns: Columns, policy_set: PolicySet, taken: set[str]) -> Categories | None:
    for name, values in columns.items():
        if name in taken or simple(name) not in CATEGORIES or is_judged(values):
            continue
        if spoken_of(values, policy_set, {}):
            return Categories(column=name)
    return None


def _words(values: Sequence[str], policy_set: PolicySet) -> dict[str, str]:
    """Words of a column of categories that are no policy's name, and what exports mean by them."""
    names, words = called(policy_set), set[str]()
    for value in dict.fromkeys(values):
        try:
            words |= {word.strip() for word in split(value, "", {}, names | LABELS)}
        except BadLineError:
            continue
    known = {name: key for name, key in LABELS.items() if name not in names and key in policy_set.keys}
    return {word: known[simple(word)] for word in sorted(words) if simple(word) in known}


def spoken_of(values: Sequence[str], policy_set: PolicySet, words: Mapping[str, str]) -> tuple[str, ...]:
    """The policies that a column of categories names; none where it has too many different words for one."""
    names = called(policy_set) | {other: key for other, key in LABELS.items() if key in policy_set.keys}
    own = {bare(word): meant for word, meant in words.items()}
    met: dict[str, None] = {}
    for value in dict.fromkeys(values):
        try:
            met |= dict.fromkeys(split(value, "", own, names))
        except BadLineError:
            continue
    if len(met) > MAX_CATEGORIES * max(1, len(policy_set.keys)):
        return ()
    found = [own.get(bare(word)) or names.get(simple(word)) for word in met if bare(word) not in NONE_OF_THEM]
    return tuple(key for key in policy_set.keys if key in found)


def _reading(found: Mapping[str, str], columns: Columns) -> Reading:
    values = columns.get(found.get("created_at", ""), ())
    forms = {form for value in values for pattern, form in DATES if pattern.fullmatch(value.strip())}
    return Reading(dates=forms.pop()) if len(forms) == 1 else Reading()
