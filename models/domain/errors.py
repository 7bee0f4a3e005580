"""Errors that the person who called can mend; their message says what, the value, the choices and what next."""

RETRYABLE = "commit conflict"  # in what Lance says, as an OSError too


class UserError(ValueError):
    """Shown as one line without a traceback; the command ends with `exit_code`."""

    exit_code = 2


def says_absent(error: Exception) -> bool:
    """Whether Lance's error says that nothing lies at an address, rather than that its store is away."""
    return "was not found" in str(error)


def is_overtaken(error: Exception) -> bool:
    """Whether Lance says that another writer's commit went first, and the same may be tried again."""
    from lance.commit import CommitConflictError  # who has such an error has loaded it

    return isinstance(error, CommitConflictError) or RETRYABLE in str(error).lower()
