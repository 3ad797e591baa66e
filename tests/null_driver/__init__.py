"""Launches, shown without a GPU: a driver that runs nothing, and tests in processes that have it.

``tests/test_cuda_launches.py`` compiles the driver and starts them; by hand they are

    PYTHONPATH=tests python -m tests.null_driver pytest tests/null_driver
    PYTHONPATH=tests python -m tests.null_driver table
    PYTHONPATH=tests python -m tests.null_driver elsewhere

The second prints launches and host time of each method, as ``docs/cuda.md`` has it; the third runs
some of the tests on another Python that is found here.
"""
