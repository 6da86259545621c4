"""Numbers as text."""

from typing import Any


def format_number(value: Any) -> str:
    """A number to three significant digits.

    >>> format_number(10060), format_number(0.0387122), format_number(39.832), format_number(7e-10), format_number(None)
    ('10,060', '0.0387', '39.8', '0', 'not computed')
    """
    if not isinstance(value, (int, float)):
        return "not computed"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return "0" if abs(value) < 1e-7 else f"{value:.3g}"
