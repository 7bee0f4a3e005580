"""The tokeniser: learned from the training split, lower-cased, for any script. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Regex, Tokenizer, decoders
from tokenizers.models import BPE, WordPiece
from tokenizers.normalizers import NFKC, Lowercase
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.pre_tokenizers import Metaspace, Split
from tokenizers.pre_tokenizers import Sequence as PreTokenizers
from tokenizers.trainers import BpeTrainer

from models.domain.folding import folded, is_blank

PAD, UNKNOWN = "[PAD]", "[UNK]"
END = "</s>"  # of language models whose tokeniser marks the beginning alone
MASKS = ("[MASK]", "<mask>", UNKNOWN, "<unk>")  # the first that there is
START = "\N{LOWER ONE EIGHTH BLOCK}"  # what Metaspace puts before a word
BEGINS_WORD, ENDS_WORD = 1, 2
BYTE_BLANK = "\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}"  # and what byte-level tokenisers do
OVERLAP = 4  # a window begins with the last of so many parts of the one before
END_WINDOW_EVERY = 4  # one of so many windows shows the end, where a text has more of them than are read
MAX_FOLDED_CHARACTERS = 200_000  # characters of a folded text that are looked for windows
MAX_CHARACTERS = 32  # a token at most; of a text, this many for each token that is read
WORD_PATTERN = (
    r"https?://\S+|[@#]?[\p{L}\p{M}\p{N}_]+|[^\s]"  # an address, a word with its @ or #, or one sign
)
GRAM_SIZES = range(1, 6)
MAX_GRAMS = 64  # of one token; bounds the table of pieces
ALPHABET = 3000  # characters that are tokens of their own

Integers = NDArray[np.int64]
T = TypeVar("T")


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """A byte-pair encoding of words (Sennrich et al., 2016); the same texts give the same tokeniser."""
    tokenizer = Tokenizer(BPE(unk_token=UNKNOWN, fuse_unk=True))
    tokenizer.normalizer = Normalizers([NFKC(), Lowercase()])
    words = Split(Regex(WORD_PATTERN), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = PreTokenizers([words, Metaspace(prepend_scheme="always")])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        limit_alphabet=ALPHABET,
        max_token_length=MAX_CHARACTERS,
        special_tokens=[PAD, UNKNOWN],
        show_progress=False,
    )
    tokenizer.train_from_iterator(map(folded, texts), trainer)
    return tokenizer


def load_tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    """The tokeniser in a file, which reads so many tokens of a text, its marks of beginning and end among them."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens, stride=max_tokens // OVERLAP)
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Sequence[str | None]) -> list[list[int]]:
    """Token ids of each text, folded, as far as one window goes; none for a missing text."""
    given = [_folded(text) for text in texts]
    return [ids if text else [] for text, ids in zip(given, _whole(tokenizer, given), strict=True)]


def folded_texts(texts: Sequence[str | None]) -> list[str]:
    """As every encoder reads them; nothing for a missing or blank one."""
    return [_folded(text)[:MAX_FOLDED_CHARACTERS] for text in texts]


@dataclass(frozen=True)
class Windows:
    """Token ids of W windows on N texts. owner: [W], the text of each, ascending; texts: [W], what each window shows;
    unread: how much of some texts no window shows, for people.
    """

    ids: list[list[int]]
    owner: Integers
    texts: list[str]
    unread: dict[int, str]


def windows(
    whole: Tokenizer,
    parts: Tokenizer,
    texts: Sequence[str | None],
    most: int,
    *,
    fold: bool = True,
    located: bool = False,
) -> Windows:
    """A text that one window of `parts` shows has that window alone. A longer one has at most so many, a quarter of
    them on its end where there are more, and before them a window of `whole`: few words drown in many, and some are
    only understood together. A missing text has one window without tokens.

    Without `fold` a text is read as it was written, and not beyond the characters that its windows have room for. What
    each window of a long text shows is `located` where that is asked, which takes time.
    """
    longest = MAX_FOLDED_CHARACTERS if fold else most * _window(parts) * MAX_CHARACTERS
    given = [_folded(text) if fold else text or "" for text in texts]
    cut = [text[:longest] for text in given]
    found: list[list[tuple[list[int], str]]] = [
        _shown(encoding, text, parts if located else None) if text else [([], "")]
        for text, encoding in zip(cut, parts.encode_batch_fast(cut), strict=True)
    ]
    long = [row for row, shown in enumerate(found) if len(shown) > 1 and _window(whole) > _window(parts)]
    together = dict(zip(long, _whole(whole, [given[row] for row in long]), strict=True)) if long else {}
    seen: list[tuple[list[int], str]] = []
    owner: list[int] = []
    unread: dict[int, str] = {}
    for row, (text, shown) in enumerate(zip(given, found, strict=True)):
        if len(shown) > most or len(text) > longest:
            unread[row] = _share(min(most, len(shown)), len(shown) * max(1.0, len(text) / longest), most)
        seen += [*([(together[row], cut[row])] if row in together else []), *_ends(shown, most)]
        owner += [row] * (len(seen) - len(owner))
    return Windows([ids for ids, _ in seen], np.array(owner, np.int64), [text for _, text in seen], unread)


def _shown(encoding: Encoding, text: str, locating: Tokenizer | None) -> list[tuple[list[int], str]]:
    """The tokens of each window on a text, and what of it they stand for; of one that is short, all of it."""
    if locating is None or not encoding.overflowing:
        return [(part.ids, text) for part in (encoding, *encoding.overflowing)]
    encoding = locating.encode(text)  # that of a batch does not say where its tokens lie
    return [(part.ids, text[_begin(part) : _end(part)]) for part in (encoding, *encoding.overflowing)]


def _begin(part: Encoding) -> int:
    return min((begin for begin, end in part.offsets if end), default=0)


def _end(part: Encoding) -> int:
    return max((end for _, end in part.offsets), default=0)


def _whole(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    longest = _window(tokenizer) * MAX_CHARACTERS
    return [encoding.ids for encoding in tokenizer.encode_batch_fast([text[:longest] for text in texts])]


def _ends(found: list[T], most: int) -> list[T]:
    """All windows, or as many as may be: of the beginning, and some of the end."""
    last = min(most // END_WINDOW_EVERY, len(found))
    return found if len(found) <= most else [*found[: most - last], *found[len(found) - last :]]


def _share(read: int, windows: float, most: int) -> str:
    of = (
        "most of it from its beginning and some from its end"
        if most >= END_WINDOW_EVERY
        else "from its beginning"
    )
    return f"about {read / windows:.0%} of a long text was read, {of}"


def _window(tokenizer: Tokenizer) -> int:
    """Tokens; without truncation as many as there is text."""
    truncation = tokenizer.truncation
    return int(truncation["max_length"]) if truncation else MAX_FOLDED_CHARACTERS


def _folded(text: str | None) -> str:
    return "" if text is None or is_blank(text) else folded(text)


def marks(tokenizer: Tokenizer) -> tuple[int, int]:
    """The tokens between which a text is written: those that the tokeniser puts around one, else padding."""
    around = tokenizer.encode("").ids
    if len(around) > 1:
        return around[0], around[-1]
    return (around[0] if around else 0), tokenizer.token_to_id(END) or 0


def masking_token(tokenizer: Tokenizer) -> int:
    """The token that stands for a hidden one: a tokeniser's own, else the one for what it does not know."""
    found = (tokenizer.token_to_id(mark) for mark in MASKS)
    return next((token for token in found if token is not None), 0)


def padded(ids: Sequence[Sequence[int]]) -> tuple[Integers, Integers]:
    """input_ids and attention_mask [N, T], T the longest row and at least 1; padding is token 0."""
    lengths = np.array([len(row) for row in ids], dtype=np.int64)
    width = max(1, int(lengths.max(initial=0)))
    mask = (np.arange(width) < lengths[:, None]).astype(np.int64)
    input_ids = np.zeros((len(ids), width), dtype=np.int64)
    input_ids[mask > 0] = np.fromiter(chain.from_iterable(ids), dtype=np.int64, count=int(lengths.sum()))
    return input_ids, mask


def pieces(tokenizer: Tokenizer) -> Integers:
    """Which character n-grams each token holds, [V, K], padded with 0; n-grams of one token alone are left out.

    Whatever way a tokeniser has of marking where words begin, here START stands there.
    """
    grams = [list(dict.fromkeys(_grams(token))) for token in _spelled(tokenizer)]
    seen: dict[str, int] = {}
    for gram in chain.from_iterable(grams):
        seen[gram] = seen.get(gram, 0) + 1
    shared = (gram for gram, count in seen.items() if count > 1)
    number = {gram: place for place, gram in enumerate(shared, start=1)}
    table, _ = padded([[number[gram] for gram in row if gram in number][:MAX_GRAMS] for row in grams])
    return table


def word_marks(tokenizer: Tokenizer) -> NDArray[np.int8]:
    """Whether each token begins a word (BEGINS_WORD), ends one (ENDS_WORD), or neither (0), [V]."""
    spelled = _spelled(tokenizer)
    marks = np.array([token.endswith(START) and len(token) > 1 for token in spelled]) * ENDS_WORD
    found = np.where([token.startswith(START) for token in spelled], BEGINS_WORD, marks).astype(np.int8)
    found[tokenizer.encode("").ids] = BEGINS_WORD  # what stands around a text is part of no word
    return found


def _spelled(tokenizer: Tokenizer) -> list[str]:
    """The characters of each token, after START where it begins a word, and before it where it ends one; control tokens
    as they are.
    """
    tokens = [token for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
    convention = _convention(tokenizer, tokens)
    return [token if token in special else convention(token) for token in tokens]


def _convention(tokenizer: Tokenizer, tokens: Sequence[str]) -> Callable[[str], str]:
    """How a tokeniser marks words: WordPiece what goes on one, byte-level ones a blank before it, CLIP's its end."""
    model = tokenizer.model
    if isinstance(model, WordPiece):
        mark = model.continuing_subword_prefix
        return lambda token: token.removeprefix(mark) if token.startswith(mark) else START + token
    end = getattr(model, "end_of_word_suffix", None)
    if end:
        return lambda token: token.removesuffix(end) + START if token.endswith(end) else token
    if not any(token.startswith(START) for token in tokens) and any(
        token.startswith(BYTE_BLANK) for token in tokens
    ):
        bytes_of = {character: byte for byte, character in _byte_characters().items()}
        return lambda token: _of_bytes(token, bytes_of)
    return lambda token: token


def _of_bytes(token: str, bytes_of: dict[str, int]) -> str:
    """A token of a byte-level tokeniser as characters; one that ends within a character as it is."""
    body = token.removeprefix(BYTE_BLANK)
    try:
        text = bytes(bytes_of[character] for character in body).decode()
    except (KeyError, UnicodeDecodeError):
        text = body
    return START + text if token.startswith(BYTE_BLANK) else text


def _byte_characters() -> dict[int, str]:
    """How byte-level tokenisers write each byte: visible ones of Latin-1 as they are, others from U+0100 on."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = (byte for byte in range(256) if byte not in visible)
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + n) for n, byte in enumerate(hidden)}


def _grams(token: str) -> Iterator[str]:
    for size in GRAM_SIZES:
        for start in range(len(token) - size + 1):
            yield token[start : start + size]
