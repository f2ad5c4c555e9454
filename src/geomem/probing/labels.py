"""What the numbers of a probe are called on the page, and how they are drawn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """title: as a reader sees it. log: drawn on a logarithmic axis. hero: shown on the first screen."""

    title: str
    log: bool = False
    hero: bool = False


LABELS: dict[str, Label] = {
    "spectrum/rankme": Label("Effective rank (RankMe)", hero=True),
    "spectrum/rankme_singular_values": Label("RankMe of singular values"),
    "spectrum/alpha": Label("Power law of the spectrum (alpha)", hero=True),
    "spectrum/alpha_r2": Label("R² of that power law"),
    "spectrum/participation_ratio": Label("Participation ratio"),
    "spectrum/stable_rank": Label("Stable rank"),
    "spectrum/top_share": Label("Variance on the first direction"),
    "spectrum/anisotropy": Label("Mean cosine of two tokens", hero=True),
    "spectrum/total_variance": Label("Total variance", log=True),
    "spectrum/two_nn": Label("Intrinsic dimension (TwoNN)", hero=True),
    "spectrum/mle_dimension": Label("Intrinsic dimension (MLE)"),
    "collapse/cdnv": Label("Within-class variance (CDNV)", log=True, hero=True),
    "collapse/variance_ratio": Label("Variance within over between classes", log=True),
    "collapse/norm_cov": Label("Spread of class-mean lengths (NC2)"),
    "collapse/etf_error": Label("Distance from a simplex (NC2)"),
    "collapse/log_kernel": Label("Log kernel of class means (GNC2)"),
    "collapse/log_kernel_cov": Label("Unevenness of class means (GNC2)"),
    "updates/update_ratio": Label("Size of a block's update", log=True, hero=True),
    "updates/attention_ratio": Label("Size of attention's update", log=True),
    "updates/mlp_ratio": Label("Size of the MLP's update", log=True),
    "updates/update_cosine": Label("Cosine of update and stream", hero=True),
    "updates/attention_cosine": Label("Cosine of attention and stream"),
    "updates/mlp_cosine": Label("Cosine of MLP and stream"),
    "updates/stream_cosine": Label("Cosine of neighbouring layers"),
    "updates/stream_norm": Label("Norm of the stream", log=True),
    "updates/attention_norm": Label("Norm of attention's update", log=True),
    "updates/mlp_norm": Label("Norm of the MLP's update", log=True),
    "updates/update_norm": Label("Norm of a block's update", log=True),
    "lens/kl": Label("Logit lens: KL to the final guess (nats)", hero=True),
    "lens/overlap": Label("Logit lens: top-5 overlap"),
    "lens/loss": Label("Logit lens: loss (nats)"),
    "attention/ratio": Label("Norm of the first token over the median", log=True),
    "attention/flagged": Label("Tokens flagged as sinks a window"),
    "attention/first_token": Label("Attention to the first token"),
    "attention/sink_rate": Label("Heads with a sink (share)"),
    "comparison/cka_next": Label("CKA with the next layer", hero=True),
    "comparison/linear_cka_next": Label("Plain CKA with the next layer"),
    "comparison/cka_first": Label("CKA with the embedding"),
    "comparison/cka_last": Label("CKA with the last layer"),
    "recency/raw": Label("Recency of similarity, raw"),
    "recency/centred": Label("Recency of similarity", hero=True),
    "skips/loss_increase": Label("Loss added by skipping the block (nats)"),
    "skips/future_output_mean": Label("Effect of a skip on later outputs"),
    "skips/future_mean": Label("Effect of a skip on later blocks, later tokens"),
    "skips/current_mean": Label("Effect of a skip on later blocks, all tokens"),
    "skips/local_current_mean": Label("The same, block by block"),
    "skips/mlp_current_output_mean": Label("Effect of silencing the MLP on the output"),
    "skips/attention_current_output_mean": Label("Effect of silencing attention on the output"),
    "erasure/own": Label("Effect of erasing a token on its own output"),
    "erasure/future_mean": Label("Effect of erasing a token on later outputs"),
    "erasure/max": Label("Largest effect of erasing a token"),
    "decomposition/knn_affine_align_t": Label("Cosine of update and its tokenwise part"),
    "decomposition/knn_affine_align_r": Label("Cosine of update and the rest"),
    "decomposition/knn_affine_r2": Label("R² of the tokenwise part"),
    "decomposition/knn_affine_error": Label("What the token alone leaves of the update"),
    "decomposition/knn_affine_pi_u": Label("Update inside the tokenwise directions"),
    "decomposition/knn_affine_pi_r": Label("The rest inside the tokenwise directions"),
    "decomposition/knn_affine_kl": Label("KL when the block is replaced (nats)"),
    "decomposition/knn_affine_rho_relative": Label("Rank correlation of error and KL"),
    "map/best_source": Label("Layer of the first model that maps best"),
    "map/error": Label("Relative error of that map"),
    "knowledge/cosine": Label("Hop distance against distance (Spearman)"),
    "knowledge/fiedler": Label("Energy on the slowest graph directions"),
    "knowledge/ridge_r2": Label("True map read off linearly (held-out R²)"),
    "contexts/support_cka": Label("Alignment with the supports (CKA)"),
    "contexts/shares_cka": Label("Alignment with the distributions (CKA)"),
    "contexts/within": Label("Cosine of contexts with one support"),
    "contexts/between": Label("Cosine of contexts with different supports"),
    "contexts/scatter_ratio": Label("Scatter within over between supports", log=True),
}
"""By metric; one without an entry is shown under its own name."""


def title_of(metric: str) -> str:
    """Return what a reader sees for a metric."""
    return LABELS[metric].title if metric in LABELS else metric.partition("/")[2].replace("_", " ").capitalize()


def is_log(metric: str) -> bool:
    """Return whether a metric is drawn on a logarithmic axis."""
    return metric in LABELS and LABELS[metric].log


def heroes() -> list[str]:
    """Return the metrics of the first screen, in the order of the page."""
    return [metric for metric, label in LABELS.items() if label.hero]
