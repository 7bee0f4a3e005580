"""What turns a picture or a video into words, one way a file: a file here that announces READER is a choice of `reads`.

What was read stands behind a post's caption, in training as in serving (models.data.said).
"""

from __future__ import annotations

from models.domain.catalogue import Catalogue
from models.readers.base.reader import Reader

READERS = Catalogue(__name__, "READER", Reader)
