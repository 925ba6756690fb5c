"""What replaces or repairs Batch Normalization at small batches, as far as torch does not have it.

Layer and Group Normalization are torch's own: torch.nn.LayerNorm, torch.nn.GroupNorm.

Shapes: N samples, C channels, G groups of m samples each.
"""

from .batchnorm import BatchNorm1d, batch_moments, normalize, scale_and_shift


class GhostBatchNorm1d(BatchNorm1d):
    """Batch Normalization of (N, C) whose statistics come from groups of m samples.

    In training the batch is cut into G = N / m groups, in its order, and each is normalised with
    its own mean and variance; the running statistics take the mean over the groups. That is what
    G workers with m samples each do, and it leaves the batch of the gradient descent as it is: m
    can be changed alone. Evaluation is that of ``BatchNorm1d``.

    Source: Hoffer, Hubara & Soudry 2017, arXiv 1705.08741, section 4 ("Ghost Batch
    Normalization"). There the running statistics take the groups by turns, not their mean.

    Parameters
    ----------
    num_features : int
        C.
    group_size : int
        m, at least 2.

    Raises
    ------
    ValueError
        When called in training: N is not a multiple of m.
    """

    _dimensions = (2,)

    def __init__(self, num_features, group_size, **settings):
        super().__init__(num_features, **settings)
        if group_size < 2:
            raise ValueError(
                f"group_size {group_size}: expected at least 2, because a single value is its "
                "own mean and nothing of it would be left"
            )
        self.group_size = group_size

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        self._refuse_what_torch_refuses(x, use_batch=True)
        n, c = x.shape
        m = self.group_size
        if n % m:
            raise ValueError(
                f"a batch of {n} cannot be cut into groups of {m}; expected a multiple of {m}"
            )
        # One column for each group and channel: (N, C) -> (G, m, C) -> (m, G*C).
        columns = x.view(-1, m, c).transpose(0, 1).reshape(m, -1)
        mean, var = batch_moments(columns)
        self._track(mean.view(-1, c).mean(0), var.view(-1, c).mean(0), m)
        x_hat = normalize(columns, mean, var, self.eps)
        x_hat = x_hat.view(m, -1, c).transpose(0, 1).reshape(n, c)
        return scale_and_shift(x_hat, self.gamma, self.beta)

    def extra_repr(self):
        return f"{super().extra_repr()}, group_size={self.group_size}"
