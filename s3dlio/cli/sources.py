"""What is copied where: pairs of a source and its target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from s3dlio._native import Client, list_pages
from s3dlio._trees import paths_below
from s3dlio.cli.places import is_local, join, local_path, name_of
from s3dlio.cli.work import Outcome
from s3dlio.errors import InvalidError, IsDirectoryError, NotFoundError, S3DlioError
from s3dlio.listing import Listing
from s3dlio.resolve import locate

__all__ = ["Pairs", "pairs_of"]


@dataclass
class Pairs:
    """Sources with their sizes, and the target of each."""

    sources: Listing
    targets: list[str]

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def bytes(self) -> int:
        """The size of all sources."""
        return sum(size for size in self.sources.sizes if size > 0)

    def without(self, targets: set[str]) -> Pairs:
        """The pairs whose targets are others than these."""
        kept = [i for i, target in enumerate(self.targets) if target not in targets]
        return Pairs(self.sources.select(kept), [self.targets[i] for i in kept])


def pairs_of(
    client: Client,
    sources: Sequence[str],
    target: str,
    into: bool,
    recursive: bool,
    pattern: str | None,
    outcome: Outcome,
) -> list[Pairs]:
    """What is to be copied, by source. What cannot be is noted in the outcome.

    Args:
        client: whom to ask.
        sources: objects, or with `recursive` also directories and prefixes.
        target: a directory where `into` is true, else the name of the copy.
        into: see there.
        recursive: see there.
        pattern: what of a directory.
        outcome: of the command.
    """
    found: list[Pairs] = []
    for source in sources:
        try:
            place = locate(client, source)
            if place.size is not None:
                own = join(target, name_of(source)) if into else target
                found.append(_checked(Listing.from_uris([place.uri], [place.size]), [own], outcome))
            elif recursive:
                found.append(_tree(client, place.uri, target, pattern, outcome))
            else:
                raise IsDirectoryError(f"copy {source}: is a directory: give --recursive", op="copy", uri=source)
        except S3DlioError as error:
            outcome.fail(source, error)
    return [pairs for pairs in found if len(pairs)]


def _tree(client: Client, root: str, target: str, pattern: str | None, outcome: Outcome) -> Pairs:
    """What lies below a prefix or directory, but for the empty objects that mark directories."""
    pages = [_samples(page) for page in list_pages(client, root, recursive=True, pattern=pattern)]
    listing = Listing.joined(pages)
    if not len(listing):
        matching = f" that matches {pattern!r}" if pattern else ""
        raise NotFoundError(f"copy {root}: not found: nothing lies there{matching}", op="copy", uri=root)
    uris = listing.uris()
    names = [uri[root.rindex("/") + 1 :] for uri in uris]
    if is_local(target):
        paths_below(local_path(target), uris, names)  # raises where one would lead elsewhere
    return _checked(listing, [join(target, name) for name in names], outcome)


def _samples(page: Listing) -> Listing:
    return page.select(i for i, uri in enumerate(page.uris()) if not (uri.endswith("/") and page.sizes[i] <= 0))


def _checked(sources: Listing, targets: list[str], outcome: Outcome) -> Pairs:
    """Without those that would be copied to themselves."""
    pairs = Pairs(sources, targets)
    same = {source for source, target in zip(sources.uris(), targets, strict=True) if source == target}
    for uri in sorted(same):
        outcome.fail(uri, InvalidError(f"copy {uri}: the target is the source itself", op="copy", uri=uri))
    return pairs.without(same) if same else pairs
