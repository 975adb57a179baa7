"""The notebooks run from top to bottom on the results that are kept in git."""

import nbformat
import pytest
from nbclient import NotebookClient


@pytest.mark.parametrize("name", ["results"])
def test_notebook_runs(project_path, name):
    notebook = nbformat.read(project_path / f"notebooks/{name}.ipynb", as_version=4)
    client = NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(project_path / "notebooks")}}
    )
    client.execute()  # raises where a cell does
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output.get("text", "") for output in outputs)
    assert "vendi: " in printed
    assert any("image/png" in output.get("data", {}) for output in outputs)
