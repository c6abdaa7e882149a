"""Which issues a text closes when it reaches the default branch. Pure."""

import re

# https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
_KEYWORD = re.compile(
    r"(?<![\w-])(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?P<repository>[\w.-]+/[\w.-]+)?#(?P<number>[1-9][0-9]{0,8})\b",
    re.IGNORECASE,
)
# Markdown in which GitHub sees no keywords: fenced code, code spans, HTML comments.
_UNSEEN = re.compile(
    r"^(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:^(?P=fence)[`~]*\s*$|\Z)|(?P<tick>`+)[^`].*?(?P=tick)|<!--.*?(?:-->|\Z)",
    re.DOTALL | re.MULTILINE,
)


def closed_by_body(body: str, repository: str) -> list[int]:
    """The issues of `repository` that a pull request's body closes, in order, each once."""
    return closed_by_message(_UNSEEN.sub(" ", body), repository)


def closed_by_message(message: str, repository: str) -> list[int]:
    """The issues of `repository` that a commit's message closes, in order, each once."""
    found: list[int] = []
    for match in _KEYWORD.finditer(message):
        named = match["repository"]
        number = int(match["number"])
        if number not in found and (named is None or named.casefold() == repository.casefold()):
            found.append(number)
    return found
