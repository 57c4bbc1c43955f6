"""Pictures of the built book, for people to look at: ``make screenshots``.

Front page, chapters and interactives, wide and on a phone, light and dark, into _build/screenshots.
"""

from __future__ import annotations

import sys

from playwright.sync_api import Locator

from browser.visiting import (
    CHAPTERS,
    PHONE,
    ROOT,
    WIDE,
    Visit,
    file_address,
    installed_browser,
    launched,
    visit,
)

TARGET = ROOT / "_build" / "screenshots"
#: What the theme lays over a figure while the page scrolls.
ALONE = ".bd-header-article, .skip-link, #pst-back-to-top { visibility: hidden !important }"


def main() -> int:
    program = installed_browser()
    if program is None:
        print("Neither chromium nor google-chrome was found: install one.", file=sys.stderr)
        return 1
    TARGET.mkdir(parents=True, exist_ok=True)
    for old in TARGET.glob("*.png"):
        old.unlink()
    with launched(program) as browser:
        for width, size in (("wide", WIDE), ("phone", PHONE)):
            for colours in ("light", "dark"):
                with visit(browser, size, color_scheme=colours) as found:
                    for page in CHAPTERS:
                        photograph(found, page, f"{width}-{colours}")
    print(f"{len(list(TARGET.glob('*.png')))} pictures in {TARGET}")
    return 0


def photograph(found: Visit, page: str, kind: str) -> None:
    """Take a whole page, and each interactive on it: at the start, and moved by keyboard."""
    found.open(file_address(page))
    found.page.screenshot(path=TARGET / f"{page.split('/')[-1]}-{kind}.png", full_page=True)
    for figure in found.page.locator("figure[data-interactive]").all():
        name = figure.get_attribute("data-interactive")
        figure.screenshot(path=TARGET / f"{name}-{kind}-start.png", style=ALONE)
        move(found, figure)
        figure.screenshot(path=TARGET / f"{name}-{kind}-moved.png", style=ALONE)


def move(found: Visit, figure: Locator) -> None:
    """Change what each control says, as a reader would."""
    for control in figure.locator(".controls").locator("select, input").all():
        control.focus()
        if control.get_attribute("type") == "text":
            found.page.keyboard.press("Control+A")
            found.page.keyboard.insert_text("there was a cat")
        else:
            for _ in range(3):
                found.page.keyboard.press("ArrowDown" if is_list(control) else "ArrowRight")


def is_list(control: Locator) -> bool:
    return control.evaluate("(control) => control.matches('select')")


if __name__ == "__main__":
    sys.exit(main())
