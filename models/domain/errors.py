"""Errors that the person who called can mend; their message says what, the value, the choices and what next."""


class UserError(ValueError):
    """Shown as one line without a traceback; the command ends with `exit_code`."""

    exit_code = 2


def says_absent(error: Exception) -> bool:
    """Whether Lance's error says that nothing lies at an address, rather than that its store is away."""
    return "was not found" in str(error)
