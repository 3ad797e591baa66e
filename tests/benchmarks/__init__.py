"""Every figure that the documentation quotes, with the peers measured in the same run.

``python -m tests.benchmarks`` prints the tables and writes ``docs/benchmarks.md`` and its picture;
the extra ``bench`` installs the peers.
"""
