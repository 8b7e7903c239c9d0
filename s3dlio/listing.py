"""`Listing`: many URIs in a few columns, as they cross to the library and between processes."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from s3dlio.errors import InvalidError

__all__ = ["Listing", "Restore"]

_ENCODING = "utf-8", "surrogateescape"  # as Python decodes file names, so that any of them survives


class Restore(TypedDict):
    """How far an archived object has come back."""

    in_progress: bool
    expiry: int | None  # seconds since 1970, when it goes again; None where it is not known


class Listing:
    """An immutable list of objects. The URI of entry i is `base` + name i.

    Attributes:
        base: the common beginning of all URIs; may be empty.
        names: what follows it in each, one behind the other, in UTF-8 (surrogateescape).
        ends: array("q"): name i is ``names[ends[i - 1]:ends[i]]``.
        sizes: array("q") of bytes; -1 where unknown, and for a common prefix (a directory).
        mtimes_ns: array("q") of nanoseconds since 1970 UTC, 0 unknown; None where nobody asked.
        etags: one tuple entry each, "" unknown; None where nobody asked.
        storage_classes: one tuple entry each, "" unknown; None where nobody asked.
        restores: by entry, how far those are that were restored from an archive, or are being restored; see the option
            restore_status. None where nobody asked.
    """

    __slots__ = ("_digest", "base", "ends", "etags", "mtimes_ns", "names", "restores", "sizes", "storage_classes")

    def __init__(
        self,
        base: str,
        names: bytes,
        ends: array[int],
        sizes: array[int],
        mtimes_ns: array[int] | None = None,
        etags: tuple[str, ...] | None = None,
        storage_classes: tuple[str, ...] | None = None,
        restores: Mapping[int, Restore] | None = None,
    ) -> None:
        self.base = base
        self.names = names
        self.ends = ends
        self.sizes = sizes
        self.mtimes_ns = mtimes_ns
        self.etags = etags
        self.storage_classes = storage_classes
        self.restores = restores
        self._digest = ""

    @classmethod
    def from_uris(cls, uris: Sequence[str], sizes: Iterable[int] | None = None) -> Listing:
        """Make a listing of `uris`, in their order. `sizes` in bytes, one each, -1 unknown.

        Raises InvalidError where a URI is no str, or `sizes` has another length.
        """
        for uri in uris:
            check_uri(uri)
        base = _common(min(uris), max(uris)) if len(uris) > 1 else "".join(uris)
        names = [uri[len(base) :].encode(*_ENCODING) for uri in uris]
        column = array("q", sizes) if sizes is not None else array("q", [-1]) * len(uris)
        if len(column) != len(uris):
            raise InvalidError(f"{len(uris)} URIs, but {len(column)} sizes")
        return cls(base, b"".join(names), _ends(names), column)

    @classmethod
    def joined(cls, listings: Sequence[Listing]) -> Listing:
        """Make one listing of several, such as the pages of one. Their other columns are left out."""
        if len({listing.base for listing in listings}) > 1:
            uris = [uri for listing in listings for uri in listing]
            return cls.from_uris(uris, [size for listing in listings for size in listing.sizes])
        ends, sizes, shift = array("q"), array("q"), 0
        for listing in listings:
            ends.extend(listing.ends if shift == 0 else array("q", [end + shift for end in listing.ends]))
            sizes.extend(listing.sizes)
            shift += len(listing.names)
        base = listings[0].base if listings else ""
        return cls(base, b"".join(listing.names for listing in listings), ends, sizes)

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[str]:
        return iter(self.uris())

    def uri(self, index: int) -> str:
        """Return the URI of one entry; a negative index counts from the end, IndexError beyond it."""
        return self.base + self._name(range(len(self.ends))[index]).decode(*_ENCODING)

    def uris(self) -> list[str]:
        """Return all URIs."""
        base, start, out = self.base, 0, []
        if self.names.isascii():  # then a byte is a character: decode once
            text = self.names.decode("ascii")
            for end in self.ends:
                out.append(base + text[start:end])
                start = end
            return out
        return [base + self._name(i).decode(*_ENCODING) for i in range(len(self.ends))]

    def select(self, order: Iterable[int]) -> Listing:
        """Return the listing of these entries, in this order; an entry may come several times, or not at all."""
        order = list(order)
        names = [self._name(i) for i in order]
        return Listing(
            self.base,
            b"".join(names),
            _ends(names),
            _picked(self.sizes, order),
            None if self.mtimes_ns is None else _picked(self.mtimes_ns, order),
            None if self.etags is None else tuple(self.etags[i] for i in order),
            None if self.storage_classes is None else tuple(self.storage_classes[i] for i in order),
            None
            if self.restores is None
            else {at: self.restores[i] for at, i in enumerate(order) if i in self.restores},
        )

    def digest(self) -> str:
        """Return a digest of the URIs in their order: lists of other URIs have others."""
        if not self._digest:
            every = "\0".join(self.uris()).encode(*_ENCODING)
            self._digest = hashlib.blake2b(every, digest_size=16).hexdigest()
        return self._digest

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Listing):
            return NotImplemented
        return self.sizes == other.sizes and self.uris() == other.uris()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Listing of {len(self)} objects under {self.base!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        columns = self.names, self.ends, self.sizes, self.mtimes_ns, self.etags, self.storage_classes, self.restores
        return Listing, (self.base, *columns)

    def _name(self, index: int) -> bytes:
        return self.names[self.ends[index - 1] if index else 0 : self.ends[index]]


def check_uri(uri: object) -> None:
    """Raise InvalidError unless `uri` is a str that can be written in UTF-8."""
    if not isinstance(uri, str):
        hint = f"; for a local path write {'file://' + str(uri)!r}" if hasattr(uri, "__fspath__") else ""
        raise InvalidError(f"a URI must be a str, not {type(uri).__name__}{hint}")
    try:
        uri.encode(*_ENCODING)
    except UnicodeEncodeError:
        raise InvalidError(f"malformed URI: {uri!r} holds a lone surrogate") from None


def _common(first: str, last: str) -> str:
    """What both begin with, and so does everything that sorts between them."""
    shorter = min(len(first), len(last))
    return first[: next((i for i in range(shorter) if first[i] != last[i]), shorter)]


def _ends(names: Iterable[bytes]) -> array[int]:
    ends, end = array("q"), 0
    for name in names:
        end += len(name)
        ends.append(end)
    return ends


def _picked(column: array[int], order: Iterable[int]) -> array[int]:
    return array("q", [column[i] for i in order])
