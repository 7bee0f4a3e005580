"""The codes of characters in an address."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation


def rewrite(text: str, _: np.random.Generator) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode(errors="surrogatepass"))


PERTURBATION = Perturbation(
    name="percent",
    about="the codes of characters in an address",
    family=Family.ENCODED,
    rewrite=rewrite,
    readable=False,
)
