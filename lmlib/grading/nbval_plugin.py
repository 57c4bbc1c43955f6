"""Check notebooks with nbval, without its traps: ``pytest -p lmlib.grading.nbval_plugin --nbval``.

nbval (0.11) collects a notebook's cells, compares outputs and explains what differs; we keep that.
How a cell runs is ours. What changes for whoever runs it:

- A cell has a deadline (``--nbval-cell-timeout``) and so has a notebook (`NotebookFile.seconds`).
  A cell that breaks it, kills the kernel or floods us fails with a sentence, at once; the cells
  after it fail as not run.
- ``;`` suppresses an output, ``clear_output``, ``update_display_data`` and what a widget catches
  do what they do in a notebook. Of a widget, that it is shown is compared, no more.
- A cell without stored outputs must put out nothing; only ``--nbval-lax`` leaves that unchecked.
- Numbers with a fraction or an exponent may differ by 1e-9, relative to the larger (or by 1e-12);
  integers and all other characters must be equal. Addresses (``at 0x7f…``) are not compared; of a
  picture (PNG, JPEG, SVG) only that there is one.
- The kernel is always a new one of the Python that runs pytest.
"""

from __future__ import annotations

import math
import re
import time
from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell, IPyNbFile, coalesce_streams

from lmlib.grading.kernel import Kernel, KernelEnded
from lmlib.translation import gettext as _

_NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?")
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
_WIDGET = "application/vnd.jupyter.widget-view+json"
_PICTURES = frozenset({"image/png", "image/jpeg", "image/svg+xml"})


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Put our notebook in the place of nbval's."""
    collectors = yield
    return [
        NotebookFile.from_parent(parent, path=file_path) if type(one) is IPyNbFile else one
        for one in collectors
    ]


class NotebookFile(IPyNbFile):
    """A notebook: its cells, the kernel that runs them, and its limits."""

    #: How long all cells together may take.
    seconds = 600.0
    #: How much one cell may put out.
    output_bytes = 10_000_000
    #: Whether ``# NBVAL_SKIP`` and its like, in comments or tags, are followed. For a
    #: notebook that came from someone else: no.
    obeys_marks = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.skip_compare: tuple[str, ...] = tuple(
            key for key in self.skip_compare if key not in _PICTURES
        )
        self.kernel: Kernel | None = None
        self.ended_by = ""

    def setup(self) -> None:
        """Start the kernel; the notebook's time begins."""
        self.setup_sanitize_files()
        self.kernel = self.start_kernel()
        self.deadline = time.monotonic() + self.seconds

    def start_kernel(self) -> Kernel:
        """Start a kernel, in the notebook's folder."""
        startup = self.config.option.nbval_kernel_startup_timeout
        return Kernel(self.path.parent, output_bytes=self.output_bytes, startup_seconds=startup)

    def teardown(self) -> None:
        """End the kernel with all that it started."""
        if self.kernel is not None:
            self.kernel.stop()

    def collect(self) -> Iterator[NotebookCell]:
        """Give our cells for nbval's."""
        for cell in super().collect():
            options = cell.options
            if not self.obeys_marks:
                options = defaultdict(bool, check=self.compare_outputs)
            yield NotebookCell.from_parent(
                self, name=cell.name, cell_num=cell.cell_num, cell=cell.cell, options=options
            )

    def messages(self, cell: NotebookCell) -> Iterator[dict[str, Any]]:
        """Run a cell; once a cell has ended the kernel, none is run.

        Raises
        ------
        KernelEnded
            With a sentence that says why.
        """
        left = self.deadline - time.monotonic()
        if not self.ended_by and left <= 0:
            self.ended_by = _("the notebook's {seconds:g} seconds were over").format(
                seconds=self.seconds
            )
        if self.ended_by:
            raise KernelEnded(_("Not run: {why}.").format(why=self.ended_by))
        try:
            assert self.kernel is not None
            limit = min(left, self.config.option.nbval_cell_timeout)
            yield from self.kernel.messages(cell.cell.source, limit)
        except KernelEnded:
            self.ended_by = _("{cell} ended the kernel").format(cell=cell.name)
            raise


class NotebookCell(IPyNbCell):
    """A cell: it runs within the limits, and what it puts out is compared."""

    def setup(self) -> None:
        """Nothing is expected to fail, whatever happened before."""

    def runtest(self) -> None:
        """Run the cell, and compare."""
        if self.options["skip"]:
            pytest.skip(_("The notebook says that this cell is not to be run."))
        shown = Shown()
        try:
            for message in self.parent.messages(self):
                shown.add(message)
            self.test_outputs = coalesce_streams(shown.outputs)
        except KernelEnded as ended:
            self.raise_cell_error(str(ended))
        except (AttributeError, KeyError, TypeError):  # what the notebook's code sent by itself
            self.raise_cell_error(_("The kernel sent a message that cannot be read."))
        if shown.error and not self.options["check_exception"]:
            self.raise_cell_error(_("It raised an error."), "\n".join(shown.error["traceback"]))
        if self.options["check"]:
            self.check_outputs()

    def check_outputs(self) -> None:
        """Compare with the outputs that the notebook stores."""
        stored = coalesce_streams(self.cell.outputs)
        if self.test_outputs and not stored:
            self.raise_cell_error(
                _(
                    "It put out something, and the notebook stores no output of it: "
                    "run the notebook and save it."
                )
            )
        if not self.compare_outputs(_comparable(self.test_outputs), _comparable(stored)):
            self.raise_cell_error(
                _("It put out something else than the notebook stores."),
                "\n".join(map(str, self.comparison_traceback)),
            )

    def sanitize(self, s: Any) -> Any:
        """Make a text comparable."""
        s = super().sanitize(s)
        return _Text(_ADDRESS.sub("at 0x…", s)) if isinstance(s, str) else s


class Shown:
    """What a front end shows for one cell, made from the kernel's messages.

    Attributes
    ----------
    outputs : list of NotebookNode
        As a notebook would store them.
    error : dict or None
        The content of the last error message, one that a widget caught included.
    """

    def __init__(self) -> None:
        self.outputs: list[NotebookNode] = []
        self.error: dict[str, Any] | None = None
        self._displays: dict[str, list[NotebookNode]] = defaultdict(list)
        self._catching: set[str] = set()  # the Output widgets that take what is put out now
        self._clear_before_next = False

    def add(self, message: dict[str, Any]) -> None:
        """Take in the next message."""
        kind, content = message["msg_type"], message["content"]
        if kind == "comm_msg" and "msg_id" in content["data"].get("state", {}):
            catches = content["data"]["state"]["msg_id"] == message["parent_header"]["msg_id"]
            (self._catching.add if catches else self._catching.discard)(content["comm_id"])
        if kind == "error":
            self.error = content
        elif self._catching:
            return
        if kind == "clear_output":
            self._clear_before_next = content["wait"]
            if not content["wait"]:
                self.outputs.clear()
        elif kind == "update_display_data":
            for output in self._displays[content["transient"]["display_id"]]:
                output.data = content["data"]
        elif kind in ("stream", "display_data", "execute_result", "error"):
            if self._clear_before_next:
                self.outputs.clear()
                self._clear_before_next = False
            identity = content.pop("transient", {}).get("display_id")
            self.outputs.append(NotebookNode(content, output_type=kind))
            if identity:
                self._displays[identity].append(self.outputs[-1])


def _comparable(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Put a word in the place of widgets and pictures, which change from version to version."""
    return [
        NotebookNode(output, data=_in_words(output.data)) if "data" in output else output
        for output in outputs
    ]


def _in_words(data: dict[str, Any]) -> dict[str, Any]:
    if _WIDGET in data:
        return {"text/plain": "a widget"}
    return {kind: "a picture" if kind in _PICTURES else data[kind] for kind in data}


class _Text(str):
    """A text that equals another when only the last digits of its real numbers differ."""

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str):
            return False
        if _NUMBER.split(self) != _NUMBER.split(other):
            return False
        pairs = zip(_NUMBER.findall(self), _NUMBER.findall(other), strict=True)
        return all(
            math.isclose(float(one), float(two), rel_tol=1e-9, abs_tol=1e-12) for one, two in pairs
        )

    def __ne__(self, other: object) -> bool:
        return not self == other
