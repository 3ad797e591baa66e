"""The plugin for napari: widgets for peaks and for pooling, and sample images.

``pip install 'adapool[napari]'``; then in napari's menu Plugins, adapool. The manifest is
``napari.yaml`` beside this file.
"""
