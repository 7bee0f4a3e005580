"""Errors that the person who called can mend; their message says what, the value, the choices and what next."""


class UserError(ValueError):
    """Shown as one line without a traceback; the command ends with `exit_code`."""

    exit_code = 2
