"""How the forge's own calls fail, apart from `ports.errors` (a directory that cannot be used)."""


class SourceRefused(Exception):
    """A repository or branch cannot be imported: it is no repository, uses SHA-256, or lacks the branch."""


class NameRefused(ValueError):
    """A login, repository or branch name breaks the rules of `names`, or names nothing here."""
