"""Capitals as small as small letters."""

from __future__ import annotations

from models.perturbations.base.perturbation import Family, Perturbation, by_table

PERTURBATION = Perturbation(
    name="small_capitals",
    about="capitals as small as small letters",
    family=Family.ALIKE,
    rewrite=by_table("abcdefghijklmnoprstuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ"),
)
