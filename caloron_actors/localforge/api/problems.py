"""Refusals in GitHub's shape. Raising one inside a transaction takes the transaction back."""

import msgspec

DOCUMENTATION = "https://docs.github.com/rest"


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fault of a request's content."""

    resource: str
    code: str
    field: str | None = None
    message: str | None = None
    value: str | None = None


class Refused(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of a refusal."""

    message: str
    documentation_url: str
    status: str
    errors: tuple[Fault, ...] | tuple[str, ...] = ()


class Problem(Exception):
    """A request is refused with this status and message."""

    def __init__(self, status: int, message: str, errors: tuple[Fault, ...] | tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors

    def body(self) -> Refused:
        """What the client is told."""
        return Refused(
            message=self.message,
            documentation_url=DOCUMENTATION,
            status=str(self.status),
            errors=self.errors,
        )


def not_found() -> Problem:
    """404: there is no such thing."""
    return Problem(404, "Not Found")


def forbidden() -> Problem:
    """403: the account may only read."""
    return Problem(403, "Must have write access to Repository.")


def invalid(resource: str, field: str, code: str = "invalid", message: str | None = None) -> Problem:
    """422: a field's value cannot be taken."""
    return Problem(422, "Validation Failed", (Fault(resource, code, field, message),))


def custom(resource: str, message: str) -> Problem:
    """422: the request cannot be carried out, for a reason of its own."""
    return Problem(422, "Validation Failed", (Fault(resource, "custom", message=message),))


def unprocessable(*errors: str) -> Problem:
    """422 with plain sentences, as reviews have it."""
    return Problem(422, "Unprocessable Entity", errors)
