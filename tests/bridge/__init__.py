"""adapool.torch on the CPU: `pip install torch`, and `python -m pytest tests/bridge`."""
