"""The last exercise of notebook 07: images through a layer for (N, C)."""

IMAGES_THROUGH = {
    "right": (
        """
def images_through(layer, x):
    n, c, h, w = x.shape
    flat = x.permute(0, 2, 3, 1).reshape(n * h * w, c)
    return layer(flat).reshape(n, h, w, c).permute(0, 3, 1, 2)
""",
        """
def images_through(layer, x):
    rows = x.movedim(1, -1)
    return layer.forward(rows.flatten(0, 2)).reshape(rows.shape).movedim(-1, 1)
""",
        """
def images_through(layer, x):  # the channels first
    flat = torch.stack([x[:, c].flatten() for c in range(x.shape[1])], dim=1)
    y = layer(flat)
    return y.T.reshape(x.shape[1], len(x), *x.shape[2:]).transpose(0, 1)
""",
        """
def images_through(layer, x):
    rows = torch.einsum("nchw->nhwc", x).flatten(0, 2)
    y = torch.empty_like(x).movedim(1, -1)
    y[:] = layer(rows).view(y.shape)
    return y.movedim(-1, 1)
""",
    ),
    "wrong": {
        "only-n": (
            "def images_through(layer, x): return layer(x.flatten(1)).reshape(x.shape)",
            """
def images_through(layer, x):
    y = torch.empty_like(x)
    for row in range(x.shape[2]):
        for column in range(x.shape[3]):
            y[:, :, row, column] = layer(x[:, :, row, column])
    return y
""",
        ),
        "image-by-image": (
            """
def images_through(layer, x):
    done = []
    for image in x:
        c, h, w = image.shape
        done.append(layer(image.permute(1, 2, 0).reshape(-1, c)).reshape(h, w, c).permute(2, 0, 1))
    return torch.stack(done)
""",
        ),
        "channels-mixed": (
            """
def images_through(layer, x):
    return layer(x.reshape(-1, x.shape[1])).reshape(x.shape)
""",
            """
def images_through(layer, x):
    swapped = x.transpose(0, 1)
    y = layer(swapped.reshape(-1, x.shape[1]))
    return y.reshape(swapped.shape).transpose(0, 1)
""",
        ),
        "channels-in-rows": (
            """
def images_through(layer, x):
    n, c, h, w = x.shape
    y = layer(x.transpose(0, 1).reshape(c, -1))
    return y.reshape(c, n, h, w).transpose(0, 1)
""",
        ),
        "gradient-lost": (
            """
def images_through(layer, x):
    rows = x.detach().movedim(1, -1)
    return layer(rows.flatten(0, 2)).reshape(rows.shape).movedim(-1, 1)
""",
            """
def images_through(layer, x):
    rows = x.movedim(1, -1)
    with torch.no_grad():
        return layer(rows.flatten(0, 2)).reshape(rows.shape).movedim(-1, 1)
""",
        ),
        "called-twice": (
            """
def images_through(layer, x):
    rows = x.movedim(1, -1)
    assert layer(rows.flatten(0, 2)).dim() == 2
    return layer(rows.flatten(0, 2)).reshape(rows.shape).movedim(-1, 1)
""",
        ),
        "not-moved-back": (
            """
def images_through(layer, x):
    return layer(x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])).reshape(x.shape)
""",
            """
def images_through(layer, x):
    return layer(x.permute(0, 2, 3, 1).reshape(-1, x.shape[1]))
""",
            """
def images_through(layer, x):
    last = x.movedim(1, -1)
    return layer(last.flatten(0, 2)).reshape(last.shape)
""",
            """
def images_through(layer, x):
    last = x.permute(0, 2, 3, 1)
    return layer(last.reshape(-1, x.shape[1])).reshape(last.shape).permute(0, 2, 3, 1)
""",
            """
def images_through(layer, x):
    last = x.permute(0, 2, 3, 1)
    return layer(last.reshape(-1, x.shape[1])).reshape(last.shape).permute(0, 3, 2, 1)
""",
        ),
        "input-changed": (
            """
def images_through(layer, x):
    last = x.permute(0, 2, 3, 1)
    last[:] = layer(last.reshape(-1, x.shape[1])).reshape(last.shape)
    return x
""",
        ),
        "dtype-changed": (
            """
def images_through(layer, x):
    last = x.permute(0, 2, 3, 1)
    return layer(last.reshape(-1, x.shape[1])).reshape(last.shape).permute(0, 3, 1, 2).float()
""",
        ),
        "shape-changed": (
            """
def images_through(layer, x):
    last = x.permute(0, 2, 3, 1)
    return layer(last.reshape(-1, x.shape[1])).reshape(last.shape).permute(0, 3, 1, 2).flatten(2)
""",
        ),
        "nothing-returned": (
            """
def images_through(layer, x):
    rows = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
    y = layer(rows)
""",
        ),
    },
    "two": {
        """
def images_through(layer, x):
    last = x.permute(0, 2, 3, 1)
    y = layer(last.reshape(-1, x.shape[1])).reshape(x.shape)
    x.zero_()
    return y
""": "not-moved-back",
    },
    "unknown": (
        "def images_through(layer, x): return layer(x)",
        "def images_through(layer, x): return layer(x.flatten(2)).reshape(x.shape)",
        "def images_through(layer, x): return x",
    ),
}

EXERCISES = {"images_through": IMAGES_THROUGH}
