"""Words that rewording swaps, one file a language: TOML here, or in the folder `word_lists` of a project."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.domain.catalogue import BrokenEntryError, Catalogue
from models.domain.project import WORD_LISTS as FOLDER
from models.domain.project import shown

Word = Annotated[str, Field(min_length=1)]  # an empty one would stand between any two


class WordList(BaseModel):
    """groups: lists of names of groups of people, of which each may stand where another of its list does; negations:
    what is said beside how it is denied.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="of the file")
    groups: dict[str, tuple[Word, ...]] = {}
    negations: dict[Word, Word] = {}


def read_word_list(path: Path) -> WordList:
    """Raises BrokenEntryError for a file that is no list of words."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        return WordList.model_validate({"name": path.stem, **given})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrokenEntryError(f"{shown(path)} is no TOML: {error}") from None
    except ValidationError as error:
        mistake = error.errors()[0]
        where = ".".join(map(str, mistake["loc"]))
        raise BrokenEntryError(
            f"{shown(path)}: {where} is {mistake['input']!r}: {mistake['msg'].lower()}; a list of words has "
            "[groups] with lists of names, and [negations] with pairs"
        ) from None


WORD_LISTS = Catalogue(__name__, "WORD_LIST", WordList, folder=FOLDER, readers={".toml": read_word_list})
