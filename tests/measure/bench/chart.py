"""Draws bench.svg: how fast what seals, and what a small message costs."""

from pathlib import Path
from typing import Any

from .measure import ALL_THREADS, GIB, KIB, LARGE
from .results import NotMeasuredError, Results, Which

SDK = "AWS Encryption SDK"
INK = "#1b1f24"
OURS = "#1f6feb"
OTHERS = "#8c959f"
BASE = "#d0d7de"

# Into memory that is there already, for those who can.
INTO_BUFFER = {
    "memcpy": Which("copy", LARGE, "Rust", "memcpy", "aws-lc", group="large"),
    f"libseal, Rust, {ALL_THREADS} threads": Which(
        "seal_into", LARGE, "Rust", provider="aws-lc", threads=ALL_THREADS
    ),
    f"libseal, Python, {ALL_THREADS} threads": Which(
        "seal_into", LARGE, "Python", threads=ALL_THREADS
    ),
    "AES-256-GCM alone (aws-lc-rs)": Which(
        "seal_into", LARGE, "Rust", "aws-lc-rs on 16 KiB pieces"
    ),
    "libseal, Rust": Which("seal_into", LARGE, "Rust", provider="aws-lc"),
    "libseal, C": Which("seal_into", LARGE, "C", provider="aws-lc"),
    "libseal, Python": Which("seal_into", LARGE, "Python"),
    "pyca Cobblestone-256": Which("seal_into", LARGE, who="pyca Cobblestone-256"),
    "libseal, Rust, portable": Which("seal_into", LARGE, "Rust", provider="portable"),
}
# To new memory, which costs more than the sealing.
RETURNED = {
    "new memory alone": Which("fill", LARGE, "Python", "fresh allocation"),
    "libseal, Python": Which("seal", LARGE, "Python"),
    "age": Which("seal", LARGE, who="age"),
    SDK: Which("seal", LARGE, who=SDK),
    "JWE": Which("seal", LARGE, who="JWE"),
}
TIMES = {
    "libseal, Rust, data key in use": Which("SealingKey.seal_into", KIB, "Rust", provider="aws-lc"),
    "libseal, Python, data key in use": Which("SealingKey.seal", KIB, "Python"),
    "RSA-2048 wrap alone (aws-lc-rs)": Which(
        "wrap", language="Rust", who="aws-lc-rs", provider="aws-lc"
    ),
    "libseal, Rust": Which("seal_into", KIB, "Rust", provider="aws-lc"),
    "libseal, Python": Which("seal", KIB, "Python"),
    "age": Which("seal", KIB, who="age"),
    "JWE": Which("seal", KIB, who="JWE"),
    SDK: Which("seal", KIB, who=SDK),
}


def measured(results: Results, cases: dict[str, Which]) -> dict[str, float]:
    """The seconds of those that could be measured."""
    found = {}
    for name, which in cases.items():
        try:
            found[name] = results.seconds(which)
        except NotMeasuredError:
            continue
    return found


def digits(value: float) -> str:
    """About three of them."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def labels(seconds: dict[str, float], values: dict[str, float], unit: str) -> list[str]:
    """What stands beside each bar: its value, and how much faster it is than the usual way."""
    usual = seconds.get(SDK)
    return [
        f"{digits(value)} {unit}" + (f"  ({digits(usual / seconds[name])}x)" if usual else "")
        for name, value in values.items()
    ]


def panel(axes: Any, title: str, unit: str, seconds: dict[str, float]) -> None:
    """Fastest first."""
    fastest_first = sorted(seconds, key=lambda name: seconds[name])
    is_speed = unit == "GiB/s"
    values = {
        name: LARGE / GIB / seconds[name] if is_speed else seconds[name] * 1e6
        for name in fastest_first
    }
    bars = axes.barh(list(values), list(values.values()), color=[color(name) for name in values])
    axes.bar_label(bars, labels(seconds, values, unit), padding=4, color=INK)
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.xaxis.set_visible(False)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(left=False)


def color(name: str) -> str:
    if name.startswith("libseal"):
        return OURS
    return BASE if name == "memcpy" or "alone" in name else OTHERS


def draw(results: Results, machine: str, path: Path) -> str:
    """Returns what became of it."""
    try:
        from matplotlib import rcParams
        from matplotlib.figure import Figure
    except ImportError as error:
        return f"no chart: {error}"

    rcParams.update({"svg.fonttype": "path", "svg.hashsalt": "libseal", "font.size": 9})
    rcParams.update(dict.fromkeys(["text.color", "axes.labelcolor", "ytick.color"], INK))
    panels = [
        ("Sealing 64 MiB into a buffer: longer is better", "GiB/s", INTO_BUFFER),
        ("Sealing 64 MiB, returned as new bytes: longer is better", "GiB/s", RETURNED),
        ("Sealing 1 KiB for an RSA-2048 key: shorter is better", "µs", TIMES),
    ]
    drawn = [(title, unit, measured(results, cases)) for title, unit, cases in panels]
    figure = Figure(figsize=(8.5, 8), layout="constrained", facecolor="white")
    rows = figure.subplots(len(drawn), height_ratios=[len(seconds) for *_, seconds in drawn])
    for axes, (title, unit, seconds) in zip(rows, drawn, strict=True):
        panel(axes, title, unit, seconds)
    is_compared = any(SDK in seconds for *_, seconds in drawn)
    reference = f"; x: times as fast as the {SDK}" if is_compared else ""
    figure.supxlabel(f"{machine}{reference}", fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    return f"wrote {path}"
