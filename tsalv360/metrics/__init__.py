"""Metrics of saliency maps: how well a predicted map agrees with where observers looked.

Conventions
-----------
A *prediction* is compared with a *target*, the saliency map of the observers, or with *fixations*, a binary map of
where they looked (`tsalv360.saliency.points_map`). Maps are [..., H, W], non-negative and finite, of any scale and any
real type; all maps of a call have one shape (`numpy.broadcast_to` makes a single one fit). Every metric returns float64
[...], one number per map. Pixels are computed in the type of the maps, at least single precision, sums in double
precision. Input that cannot be used raises `InputError`, a ValueError that says what was found.

`weights`, positive, of any scale, such as `solid_angle(H)`, broadcast to [H, W]: how much of the sphere a pixel covers.
Sums over pixels are weighted by them; a fixation counts once wherever it is. Without weights all pixels count the same,
as published for ERP maps.

A constant prediction, zeros included, is uniform: it favours no pixel. Where nothing can be compared, because there is
no fixation or the target is zero everywhere, the result is NaN.

Metrics
-------
Map against map: `cc`, `sim`, `kld`, `kld_reversed`. Map against fixations: `nss`, `auc_judd`, `auc_shuffled`,
`information_gain`. They are defined as by Bylinskii et al. 2019, "What do different evaluation metrics tell us about
saliency models?", IEEE TPAMI 41(3); the docstring of each gives the formula.
"""

from tsalv360.metrics.maps import auc_judd, auc_shuffled, cc, information_gain, kld, kld_reversed, nss, sim
from tsalv360.sphere.directions import solid_angle

__all__ = ["auc_judd", "auc_shuffled", "cc", "information_gain", "kld", "kld_reversed", "nss", "sim", "solid_angle"]
