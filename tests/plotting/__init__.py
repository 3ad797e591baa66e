"""What `adapool.plot` draws: read from the artists, and compared with pictures.

Pictures have no text, whose fonts differ. After a wanted change, and after looking at them:

    PYTHONPATH=tests .venv/bin/python -m tests.plotting.test_pictures

writes those in `tests/plotting/baseline` again.
"""
