"""Jobs in tests: a client that leaves nothing behind, and what one asserts about ranks.

`localdlc.pytest_plugin` is the door to it; nothing here needs pytest.
"""
