"""How well a saliency map says where people looked.

Conventions
-----------
A *prediction* is judged against a *target*, the saliency map of what people looked at, or against *fixations*, a binary
map of where they looked (`tsalv360.saliency.points_map`). Maps are [..., H, W]: not negative, finite, of any scale and
any type of real numbers. All maps of a call have one shape (`numpy.broadcast_to` makes a single one fit). Every metric
returns float64 [...], one number for each map; pixels are computed in the maps' type, at least single precision, and
sums in double precision. What cannot be used raises `InputError`, a ValueError that says what was found.

`weights`, positive, of any scale, such as `solid_angle(H)`, broadcasts to [H, W]: how much of the sphere a pixel stands
for. Sums over pixels are weighted by it; a fixation counts once wherever it is. Without it all pixels count alike, as
published for ERP maps.

A constant prediction, zeros included, is uniform: it says the same of all pixels. Where nothing can be judged, for want
of fixations or for a target of zeros, the result is NaN.

Metrics
-------
Map against map: `cc`, `sim`, `kld`, `kld_reversed`. Map against fixations: `nss`, `auc_judd`, `auc_shuffled`,
`information_gain`. Definitions are those of Bylinskii et al. 2019, "What do different evaluation metrics tell us about
saliency models?", IEEE TPAMI 41(3).
"""

from tsalv360.metrics.densities import kld, kld_reversed, sim
from tsalv360.metrics.gain import information_gain
from tsalv360.metrics.moments import cc, nss
from tsalv360.metrics.roc import auc_judd, auc_shuffled
from tsalv360.sphere.directions import solid_angle

__all__ = ["auc_judd", "auc_shuffled", "cc", "information_gain", "kld", "kld_reversed", "nss", "sim", "solid_angle"]
