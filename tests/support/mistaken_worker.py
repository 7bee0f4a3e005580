"""A worker that meets a mistake of its user's."""

from models.domain.errors import UserError


def rejoin(job, tell):
    raise UserError("there is no such thing; choose another")
