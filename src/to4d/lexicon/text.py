"""Text becomes words."""

import re


def words(text: str) -> list[str]:
    """Lower-case words without punctuation; hyphens stay inside a word, a possessive loses its 's.

    >>> words("Mario's T-shirt, jumping high!")
    ['mario', 't-shirt', 'jumping', 'high']
    """
    found = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.casefold())
    return [re.sub(r"['’]s$", "", word) for word in found]
