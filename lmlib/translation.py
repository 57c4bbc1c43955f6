"""The one way by which a sentence that a reader sees leaves the code: ``gettext``."""

import gettext as _standard
from pathlib import Path

#: The catalogs, ``<language>/LC_MESSAGES/lmlib.mo``; the language is the environment's
#: (``LANGUAGE``, ``LC_ALL``, ``LC_MESSAGES``, ``LANG``), as for any program that uses gettext.
LOCALES = Path(__file__).parent / "locale"


def gettext(message: str) -> str:
    """Say a message in the reader's language; where there is no translation, in English.

    The message is written out where it is used, so that ``make catalogs`` finds it; what varies
    in it is filled in afterwards.

    Examples
    --------
    >>> gettext("right in all {cases} cases").format(cases=40)
    'right in all 40 cases'
    """
    return _standard.translation("lmlib", LOCALES, fallback=True).gettext(message)
