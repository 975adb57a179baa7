import pytest
from analysis import synthetic


@pytest.fixture
def analyze(project_path):
    """The project's own parameters."""
    return synthetic.parameters(project_path)
