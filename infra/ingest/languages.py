"""Which language a text is in, where the post does not say; where that is in doubt, it stays unknown.

py3langid (Lui and Baldwin, 2012; BSD, 4.6 MB with its model) needs numpy alone and 60 microseconds a text; lingua, the
most accurate on single words, weighs 96 MB, and fastText's model has to be fetched. Posts are longer than words.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from infra.forms import language
from models.domain.content import UNKNOWN_LANGUAGE
from models.domain.errors import UserError
from models.domain.folding import folded

CONFIDENT = 0.7  # probability from which on a language is taken for the text's: a few plain words
LONGEST = 1000  # characters that are looked at


class NoIdentifierError(UserError):
    """Languages shall be identified, and the library for it is not installed."""


def identified(languages: pa.ChunkedArray, texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The languages, those that are unknown as the texts are in. Raises NoIdentifierError."""
    unknown = pc.and_(pc.equal(languages, UNKNOWN_LANGUAGE), pc.is_valid(texts))
    if not pc.any(unknown).as_py():
        return languages
    found = pa.array([language_of(text) for text in texts.filter(unknown).to_pylist()], pa.string())
    return pc.replace_with_mask(languages.combine_chunks(), unknown.combine_chunks(), found)


def language_of(text: str) -> str:
    """Its BCP 47 code, or that of an unknown one. Raises NoIdentifierError."""
    return language(identifier().classify(folded(text[:LONGEST]))[0])


@cache
def identifier() -> Any:
    """Raises NoIdentifierError."""
    try:
        from py3langid import langid
    except ImportError:
        raise NoIdentifierError(
            "MODERATO_IDENTIFY_LANGUAGES needs py3langid: `pip install 'moderato[languages]'`, or set it to false"
        ) from None
    return langid.LanguageIdentifier.from_model_file(
        langid.MODEL_FILE, norm_probs=True, min_confidence=CONFIDENT
    )
