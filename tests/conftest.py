import logging

import pytest


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """Commands that are called in this process configure logging, and their log files go with the test's folder."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.disable(logging.NOTSET)
