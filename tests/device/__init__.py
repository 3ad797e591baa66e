"""What only a GPU can show: one command, ``tests/device/check``, for any machine that has one.

It needs about five minutes, and no network. ``docs/contributing.md`` has what it asks for.
"""
