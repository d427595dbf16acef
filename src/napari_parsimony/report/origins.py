"""Sections of the page on how it came about: networks, latents, cells, settings."""

import json

from napari_parsimony.figures import cells, charts, network
from napari_parsimony.report import words
from napari_parsimony.report.content import Content
from napari_parsimony.report.html import Markup, table, tag
from napari_parsimony.report.parts import png, svg
from napari_parsimony.study.latent_names import title


def network_section(content: Content) -> list[Markup]:
    """Draw the sparse network, and how often it keeps a latent."""
    figure = network.sparse_network(content.weights, content.inputs, content.schemes.classes)
    usage = charts.latent_usage(
        content.usage_before, content.usage_after, content.used, content.networks
    )
    return [
        svg(
            figure,
            "The sparse network",
            "Connections on a path from a latent to the "
            f"{'score' if len(content.schemes.classes) == 2 else 'scores'}.",
        ),
        svg(
            usage,
            "How often each latent is kept",
            f"How many of {content.networks} sparse networks, each from its own random start, keep "
            "a latent, before and after whole latents were pruned on validation cells. Bold: read "
            "by the network above.",
        ),
    ]


def traversals_section(content: Content) -> list[Markup]:
    """Draw what the latents in use do."""
    names = [title(name, content.latent_names) for name in content.traversal_names]
    figure = cells.traversals(content.traversals, names, content.traversal_values)
    return [
        png(
            figure,
            "Traversals of the latents in use",
            "Each row decodes one latent from its 1st to its 99th percentile over the cells, all "
            "others at the cells' median.",
        )
    ]


def reconstructions_section(content: Content) -> list[Markup]:
    """Draw cells, and what the VAE makes of them."""
    return [
        png(
            cells.reconstructions(content.crops, content.decoded),
            "Cells and what the VAE decodes from their latents",
            "Held-out cells, chosen at random, and what is decoded from their latents: what is "
            "lost here, no later step can use.",
        )
    ]


def verdict_section(content: Content) -> list[Markup]:
    """Say what the latents are worth."""
    findings = [
        tag(
            "li",
            finding.text,
            *([tag("br"), tag("small", finding.advice)] if finding.advice else []),
        )
        for finding in content.verdict.findings
    ]
    return [tag("p", content.verdict.headline), tag("ul", *findings, class_="notes")]


def training_section(content: Content) -> list[Markup]:
    """Draw how the VAE learned."""
    return [svg(charts.loss_curves(content.history), "Training of the VAE")]


def data_section(content: Content) -> list[Markup]:
    """Count the cells of each split."""
    names = content.schemes.classes
    rows = [
        [str(row["split"]), *(f"{int(row[name]):,}" for name in (*names, "groups"))]
        for _, row in content.cells.iterrows()
    ]
    word = words.plural(content.schemes.group_word, 2)
    none = "neither class" if len(names) == 2 else "none of the classes"
    more = (
        f" {content.unlabelled:,} further cells are of {none}; only the VAE has seen them."
        if content.unlabelled
        else ""
    )
    return [
        table(["split", *names, word], rows),
        tag("p", f"All cells of one {content.schemes.group_word} are in the same split.{more}"),
        tag("p", words.crops_made(content)),
    ]


def provenance_section(content: Content) -> list[Markup]:
    """List what every step was run with."""
    return [
        tag(
            "details",
            tag(
                "summary",
                f"{name}: seed {record.get('seed')}, fingerprint "
                f"{str(record.get('fingerprint'))[:12]}",
            ),
            tag("pre", tag("code", json.dumps(record, indent=1, default=str, ensure_ascii=False))),
        )
        for name, record in content.provenance.items()
    ]
