"""Methods of pooling and networks by name, for those who write no Python. Imports nothing."""

# Networks by the name that they have here: the class in `adapool.estimators`. The first is used
# where none is named.
ESTIMATORS = {
    "dynamic": {
        "blobs": "BlobSizes",
        "scale-space": "ScaleSpaceSizes",
        "structure": "StructureTensorSizes",
        "thickness": "ThicknessSizes",
        "variance": "VarianceSizes",
    },
    "attention": {"contrast": "ContrastAttention", "softmax": "SoftmaxAttention"},
}
METHODS = ("max", "dynamic", "regions", "attention")

# Options that a method has, beside those of all.
OPTIONS = {
    "max": ("size", "stride"),
    "attention": ("size", "stride", "estimator"),
    "dynamic": ("size", "stride", "estimator"),
    "regions": ("reduction", "budget"),
}
NEEDS_SIZE = ("max", "attention")
