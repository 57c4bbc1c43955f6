"""The repository's address, from the one place where it stands: the project's own metadata."""

import importlib.metadata


def repository_url() -> str | None:
    """Read the repository's address from the installed ``pyproject.toml``.

    Returns
    -------
    str or None
        None where lmlib-book is not installed.
    """
    try:
        urls = importlib.metadata.metadata("lmlib-book").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((url.partition(", ")[2] for url in urls if url.startswith("Repository, ")), None)
