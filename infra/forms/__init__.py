"""What comes from outside, checked by its form at one door: before it is an id, a code, a path or a name in a store."""

from infra.forms.base64 import decoded_base64
from infra.forms.codes import language, market
from infra.forms.form_error import FormError
from infra.forms.ids import author_id, post_id
from infra.forms.paths import beneath, digest, name
from infra.forms.times import moment

__all__ = [
    "FormError",
    "author_id",
    "beneath",
    "decoded_base64",
    "digest",
    "language",
    "market",
    "moment",
    "name",
    "post_id",
]

# modules that others import from their own file: the bounds of ids
PUBLIC = ("ids",)
