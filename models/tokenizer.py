"""The tokeniser: learned from the training split, lower-cased, for any script. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, decoders
from tokenizers.models import BPE
from tokenizers.normalizers import NFKC, Lowercase
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.pre_tokenizers import Metaspace, Split
from tokenizers.pre_tokenizers import Sequence as PreTokenizers
from tokenizers.trainers import BpeTrainer

from models.folding import folded

PAD, UNKNOWN = "[PAD]", "[UNK]"
END = "</s>"  # of language models whose tokeniser marks the beginning alone
MASKS = ("[MASK]", "<mask>", UNKNOWN, "<unk>")  # the first that there is
START = "\N{LOWER ONE EIGHTH BLOCK}"  # what Metaspace puts before a word
OVERLAP = 8  # a window begins with the last of so many parts of the one before
TAIL = 4  # one of so many windows shows the end, where a text has more of them than are read
LONGEST = 200_000  # characters of a folded text that are looked for windows
MAX_CHARACTERS = 32  # a token at most; of a text, this many for each token that is read
WORDS = r"https?://\S+|[@#]?[\p{L}\p{M}\p{N}_]+|[^\s]"  # an address, a word with its @ or #, or one sign
GRAM_SIZES = range(1, 6)
MAX_GRAMS = 64  # of one token; bounds the table of pieces
ALPHABET = 3000  # characters that are tokens of their own

Integers = NDArray[np.int64]


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """A byte-pair encoding of words (Sennrich et al., 2016); the same texts give the same tokeniser."""
    tokenizer = Tokenizer(BPE(unk_token=UNKNOWN, fuse_unk=True))
    tokenizer.normalizer = Normalizers([NFKC(), Lowercase()])
    words = Split(Regex(WORDS), behavior="removed", invert=True)
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


def encode(tokenizer: Tokenizer, texts: Sequence[str | None], *, fold: bool = True) -> list[list[int]]:
    """Token ids of each text as far as one window goes; none for a missing text. Without `fold`, as it was written."""
    truncation = tokenizer.truncation
    longest = truncation["max_length"] * MAX_CHARACTERS if truncation else None
    given = [_folded(text) if fold else text or "" for text in texts]
    encodings = tokenizer.encode_batch_fast([text[:longest] for text in given])
    return [encoding.ids if text else [] for text, encoding in zip(given, encodings, strict=True)]


@dataclass(frozen=True)
class Windows:
    """Token ids of W windows on N texts. owner: [W], the text of each, ascending; unread: how much of some texts no
    window shows, for people.
    """

    ids: list[list[int]]
    owner: Integers
    unread: dict[int, str]


def windows(tokenizer: Tokenizer, texts: Sequence[str | None], most: int) -> Windows:
    """At most so many windows on each text, folded: a longer one is read at its beginning, and a quarter of the windows
    go to its end. A missing text has one window without tokens.
    """
    given = [_folded(text) for text in texts]
    encodings = tokenizer.encode_batch_fast([text[:LONGEST] for text in given])
    ids: list[list[int]] = []
    owner: list[int] = []
    unread: dict[int, str] = {}
    for row, (text, encoding) in enumerate(zip(given, encodings, strict=True)):
        found = [encoding.ids, *(more.ids for more in encoding.overflowing)] if text else [[]]
        ids += (
            found if len(found) <= most else found[: most - most // TAIL] + found[len(found) - most // TAIL :]
        )
        owner += [row] * (len(ids) - len(owner))
        if len(found) > most or len(text) > LONGEST:
            unread[row] = _share(min(most, len(found)), len(found) * max(1.0, len(text) / LONGEST))
    return Windows(ids, np.array(owner, np.int64), unread)


def _share(read: int, windows: float) -> str:
    return f"about {read / windows:.0%} of a long text was read, most of it from its beginning and some from its end"


def _folded(text: str | None) -> str:
    return folded(text).strip() if text else ""


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
    """Which character n-grams each token holds, [V, K], padded with 0; n-grams of one token alone are left out."""
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    grams = [list(dict.fromkeys(_grams(token))) for token, _ in tokens]
    seen: dict[str, int] = {}
    for gram in chain.from_iterable(grams):
        seen[gram] = seen.get(gram, 0) + 1
    shared = (gram for gram, count in seen.items() if count > 1)
    number = {gram: place for place, gram in enumerate(shared, start=1)}
    table, _ = padded([[number[gram] for gram in row if gram in number][:MAX_GRAMS] for row in grams])
    return table


def word_starts(tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Whether each token begins a word, [V]."""
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return np.array([token.startswith(START) for token, _ in tokens])


def _grams(token: str) -> Iterator[str]:
    for size in GRAM_SIZES:
        for start in range(len(token) - size + 1):
            yield token[start : start + size]
