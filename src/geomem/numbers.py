"""Numbers as a reader wants them: three digits that matter, a true minus, thin spaces in long ones."""

from __future__ import annotations

import math

THIN = "\u202f"


def number(value: float | int | None, *, percent: bool = False) -> str:
    """Return a number in words for a table; '–' for a missing one. `percent`: 0.25 is shown as 25 %."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, float) and math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if percent:
        return _percent(100 * float(value))
    if float(value).is_integer() and abs(value) < 1e15 and (isinstance(value, int) or abs(value) >= 1000):
        return f"{int(value):,}".replace(",", THIN).replace("-", "−")
    return _plain(float(value))


def interval(low: float | None, high: float | None, *, percent: bool = False) -> str:
    """Return 'low to high', or '' when there is none."""
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return ""
    return f"{number(low, percent=percent).removesuffix(THIN + '%')} to {number(high, percent=percent)}"


def duration(seconds: float) -> str:
    """Return a time as one would say it: 4.2 s, 3 min 20 s, 1 h 05 min."""
    if seconds < 59.5:
        return f"{seconds:.1f}{THIN}s" if seconds < 10 else f"{seconds:.0f}{THIN}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{THIN}min {rest:02d}{THIN}s"
    return f"{minutes // 60}{THIN}h {minutes % 60:02d}{THIN}min"


def _percent(value: float) -> str:
    size = abs(value)
    if 99.95 <= size < 100:  # "100 %" would say that nothing was missed
        return f"{'>' if value > 0 else '<−'}99.9{THIN}%"
    text = f"{value:.0f}" if size >= 100 or value == 0 else f"{value:.3g}" if size >= 1 else f"{value:.2g}"
    return _exponent(text) + f"{THIN}%"


def _plain(value: float) -> str:
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
        return text.replace("-", "−")
    return _exponent(f"{value:.2e}")


def _exponent(text: str) -> str:
    mantissa, found, power = text.partition("e")
    if not found:
        return text.replace("-", "−")
    raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}·10{raised}".replace("-", "−")
