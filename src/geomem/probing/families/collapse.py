"""Neural collapse of next-token classes, at the end of the network and, for the commonest classes, at every depth."""

from __future__ import annotations

import torch
from torch import Tensor

from geomem.batch import IGNORE
from geomem.errors import InputError
from geomem.geometry.class_agreement import ClassAgreement
from geomem.geometry.class_means import ClassMeans, choose_classes
from geomem.geometry.collapse import FEWEST_CLASSES, collapse_report
from geomem.probing.family import Ended, Family, Shape
from geomem.probing.plan import Plan
from geomem.probing.rows import Rows
from geomem.probing.slab import Slab
from geomem.probing.spec import ProbeSpec

COMMON = 256
"""Classes followed at every depth; at the end of the network more are."""
DEPTH_NUMBERS = ("cdnv", "variance_ratio", "norm_cov", "etf_error", "log_kernel", "log_kernel_cov")
"""What is meaningful away from the output layer."""


class Collapse(Family):
    """CDNV (NC1), equinormness and simplex (NC2), GNC2, NC3, UNC3 and NC4 of next-token classes (arXiv 2405.17767).

    A class is a next token with at least five samples. Layer L is what the output layer reads, after the final norm;
    the layers before it are streams, with the commonest 256 classes. NC4 is judged on tokens that no class mean holds:
    half of the sample is left out of the means.
    """

    name = "collapse"
    needs = ("causal", "head")

    def __init__(self, shape: Shape, spec: ProbeSpec, plan: Plan) -> None:
        super().__init__(shape, spec, plan)
        counts = plan.next_counts
        self.final = ClassMeans(choose_classes(counts), shape.width)
        common = choose_classes(counts, limit=COMMON)
        self.depth = {layer: ClassMeans(common, shape.width) for layer in self.layers if layer < shape.layers}
        self.metrics = {"final": self.final, **{f"layer-{i}": metric for i, metric in self.depth.items()}}
        unseen = plan.sample[::2]
        self.unseen = unseen[:, 0] * plan.context + unseen[:, 1]

    def update(self, slab: Slab) -> None:
        """Add the kept tokens that have a target and are not left out for NC4."""
        place = slab.windows[:, None] * self.plan.context + torch.arange(self.plan.context, device=slab.windows.device)
        wanted = (slab.targets != IGNORE) & ~torch.isin(place, self.unseen.to(place.device))
        index = slab.kept(wanted).nonzero().flatten()
        classes = slab.kept(slab.targets)[index]
        for layer, metric in self.depth.items():
            metric.update(slab.rows(layer)[index], classes)
        assert slab.final is not None
        self.final.update(slab.kept(slab.final)[index], classes)

    def results(self, rows: Rows, ended: Ended) -> None:
        """Add the numbers at every depth; too little text is said and leaves them out."""
        try:
            self._final(rows, ended)
            for layer, metric in self.depth.items():
                report = collapse_report(metric.table())
                for name in DEPTH_NUMBERS:
                    rows.add(f"collapse/{name}", report[name].value, layer=layer, interval=report[name].interval)
                    self._chance(rows, name, report[name].chance, layer)
        except InputError as error:
            rows.lines.append(str(error))

    def _final(self, rows: Rows, ended: Ended) -> None:
        table = self.final.table()
        if len(table.ids) < FEWEST_CLASSES:
            collapse_report(table)  # which says what is wrong
        weight, bias = ended.adapter.unembedding, ended.adapter.unembedding_bias
        own = weight[table.ids].double()
        agreement = ClassAgreement(table, own, None if bias is None else bias[table.ids].double())
        agreement.update(*self._decisions(ended))
        report = collapse_report(table, own, agreement=agreement)
        for name, one in report.items():
            rows.add(f"collapse/{name}", one.value, layer=self.shape.layers, interval=one.interval)
            self._chance(rows, name, one.chance, self.shape.layers)
        rows.add("collapse/classes", float(report.classes))
        rows.add("collapse/samples", float(report.samples))

    def _decisions(self, ended: Ended) -> tuple[Tensor, Tensor, Tensor]:
        """Return hidden states, windows and the model's own choices for the sampled tokens outside the class means."""
        sample = ended.sample
        place = sample.windows * self.plan.context + sample.places
        unseen = torch.isin(place, self.unseen) & sample.kept
        choices = ended.output[1]
        stream = sample.streams[-1][unseen].to(choices.device)
        return ended.adapter.final(stream), sample.windows[unseen].to(stream.device), choices[unseen.to(choices.device)]

    def _chance(self, rows: Rows, name: str, chance: float | None, layer: int) -> None:
        if chance is not None:
            rows.chance(f"collapse/{name}", chance, layer=layer)
