import logging

import pytest


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """Commands that are called in this process configure logging, and their log files go with the test's folder."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in handlers and not type(handler).__module__.startswith("_pytest"):
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def module_cache(tmp_path_factory):
    """A cache that the tests of one module share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TO4D_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
