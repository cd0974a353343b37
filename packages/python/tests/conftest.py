"""The server of these tests: a stream that is cheap to encode."""

import pytest

SMALL = {"name": "test", "video": [{"id": "v", "width": 320, "height": 180, "bitrate": 400000}]}


@pytest.fixture(scope="session")
def barstone_options():
    return {"streams": [SMALL]}
