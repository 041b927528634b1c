"""Pictures of solid shapes on unrelated backgrounds, rendered from a seed, seen by parallel rays.

Categories are those of the macaque recordings' stimuli (Majaj, Hong et al. 2015). Each chunk of
pictures holds every class once, drawn from a random stream of its own.
"""

import hashlib
import tomllib
from functools import cache
from pathlib import Path

import numpy as np

from sage.images.objects.parts import BLOCK, ELLIPSOID, FRUSTUM, Parts, assemble

_TABLES = tomllib.loads(Path(__file__).with_name("objects.toml").read_text(encoding="utf-8"))
PALETTE = _TABLES.pop("palette")
OBJECTS = {
    category: [assemble(solids) for solids in table.values()] for category, table in _TABLES.items()
}
CATEGORIES = tuple(OBJECTS)
EACH = 8  # objects of a category

# Azimuth and elevation in degrees of a category's best-known view: 0 is the side, -90 the front.
CANONICAL_VIEWS = dict(animal=(-35, 15), boat=(-35, 20), car=(-40, 22), chair=(-50, 22))
CANONICAL_VIEWS |= dict(face=(-72, 5), fruit=(-30, 15), plane=(-40, 35), table=(-35, 22))
# The spreads below are what `difficulty` or `clutter` 1 add either way.
TURN = np.array([180.0, 70.0, 60.0])  # degrees of azimuth, elevation and roll
SHIFT = 1.0  # half-pictures
REACH, SHRINK = 0.65, 0.6  # half an object's longest side in half-pictures; part taken off at most
JITTER, TINT = 0.22, 0.5  # deviation of a palette colour; most that a light takes off a channel
MEAN, NOISE = 0.6, 0.3  # a background's mean at most; deviation of each scale of its noise
SUPERSAMPLE = 2  # rays per pixel along each side, to smooth edges at four times the work

Array = np.ndarray
Arrays = tuple[Array, Array]


def classes(each: int = EACH) -> tuple[str, ...]:
    """Return names of the first `each` objects of every category."""
    return tuple(f"{name} {number}" for name in CATEGORIES for number in range(1, each + 1))


def render(
    count: int,
    *,
    size: int = 32,
    each: int = EACH,
    difficulty: float = 0.4,
    clutter: float = 0.05,
    seed: int = 0,
) -> Arrays:
    """Render pictures, classes balanced and shuffled.

    Args:
        count: fewer pictures from the same seed are the first ones of more.
        size: pixels a side.
        each: objects of a category, the first ones.
        difficulty: spread of view, position and size in [0, 1]. At 0 every object is centred in its
            best-known view.
        clutter: spread of colours and backgrounds in [0, 1]. At 0 objects have their own colours on
            black, and only the direction of the light varies.

    Returns:
        Pictures [count, 3, size, size] uint8, and labels [count] int64 that index `classes(each)`.

    Raises:
        ValueError: count < 1, size < 16, `each` outside [1, 8], a spread outside [0, 1] or a
            negative seed.
    """
    if count < 1 or size < 16:
        raise ValueError(f"{count} pictures of {size} pixels, expected 1 or more of 16 or more")
    if each not in range(1, EACH + 1):
        raise ValueError(f"{each} objects of a category, expected 1 to {EACH}")
    for name, spread in (("difficulty", difficulty), ("clutter", clutter)):
        if not 0 <= spread <= 1:
            raise ValueError(f"{name} is {spread}, expected one in [0, 1]")
    if seed < 0:
        raise ValueError(f"the seed is {seed}, expected one that is not negative")
    solids = _solids(each)
    chunk = solids.count
    pictures, labels = np.empty((count, 3, size, size), np.uint8), np.empty(count, np.int64)
    for start in range(0, count, chunk):
        own = slice(start, start + chunk)
        rng = np.random.default_rng([seed, start // chunk])
        labels[own] = order = rng.permutation(chunk)[: count - start]
        pictures[own] = _render_chunk(rng, solids, size, difficulty, clutter)[order]
    return pictures, labels


@cache
def renderer_digest() -> str:
    """Hash of a picture of every class, for keys of what is rendered."""
    pictures, labels = render(len(classes()), size=24)
    return hashlib.sha256(pictures.tobytes() + labels.tobytes()).hexdigest()[:16]


class _Solids:
    """Arrays over all classes' parts; each object is centred, its longest side from -1 to 1."""

    def __init__(self, objects: list[Parts]) -> None:
        parts = [part for parts in objects for part in parts]
        self.count = len(objects)
        colours = list(PALETTE)
        self.owner = np.repeat(np.arange(len(objects)), [len(parts) for parts in objects])
        self.kind = np.array([part.kind for part in parts])
        self.colour = np.array([colours.index(part.colour) for part in parts])
        self.taper = np.array([part.taper for part in parts], np.float32)
        self.centre = np.stack([part.centre for part in parts])
        self.axes = np.stack([part.axes for part in parts])
        for i in range(len(objects)):
            own = self.owner == i
            # Boxes around ellipsoids are exact; those around turned blocks come out slightly small.
            reach = np.sqrt((self.axes[own] ** 2).sum(2))
            low, high = (self.centre[own] - reach).min(0), (self.centre[own] + reach).max(0)
            half = (high - low).max() / 2
            self.centre[own] = (self.centre[own] - (low + high) / 2) / half
            self.axes[own] /= half


@cache
def _solids(each: int) -> _Solids:
    return _Solids([parts for category in CATEGORIES for parts in OBJECTS[category][:each]])


def _render_chunk(
    rng: np.random.Generator, solids: _Solids, size: int, difficulty: float, clutter: float
) -> Array:
    """Return a picture of every class, in their order: uint8 [classes, 3, size, size]."""
    centre, axes = _pose(rng, solids, difficulty)
    part, normal = _cast(solids, centre, axes, size * SUPERSAMPLE)
    colour, covered = _shade(rng, solids, part, normal, clutter)
    shape = (solids.count, size, SUPERSAMPLE, size, SUPERSAMPLE, -1)
    colour, covered = (a.reshape(shape).mean((2, 4)) for a in (colour, covered))
    picture = colour + (1 - covered) * _background(rng, solids.count, size, clutter)
    return np.rint(255 * picture.clip(0, 1)).astype(np.uint8).transpose(0, 3, 1, 2)


def _rotation(degrees: Array) -> Array:
    """Return rotations [n, 3, 3] by azimuth (about y), elevation (about x) and roll (about z)."""
    cos, sin = np.cos(np.radians(degrees)).T, np.sin(np.radians(degrees)).T
    one, zero = np.ones_like(cos[0]), np.zeros_like(cos[0])
    azimuth = np.array([[cos[0], zero, sin[0]], [zero, one, zero], [-sin[0], zero, cos[0]]])
    elevation = np.array([[one, zero, zero], [zero, cos[1], -sin[1]], [zero, sin[1], cos[1]]])
    roll = np.array([[cos[2], -sin[2], zero], [sin[2], cos[2], zero], [zero, zero, one]])
    return np.einsum("abn,bcn,cdn->nad", roll, elevation, azimuth)


def _pose(rng: np.random.Generator, solids: _Solids, difficulty: float) -> Arrays:
    """Return all parts' centres and half-axes in half-pictures: random view, size and position."""
    views = [(*CANONICAL_VIEWS[name], 0) for name in CATEGORIES]
    count = solids.count
    best = np.repeat(views, count // len(CATEGORIES), axis=0)
    rotation = _rotation(best + difficulty * TURN * rng.uniform(-1, 1, (count, 3)))
    reach = REACH * (1 - difficulty * SHRINK * rng.uniform(0, 1, (count, 1, 1)))
    shift = np.pad(difficulty * SHIFT * rng.uniform(-1, 1, (count, 2)), ((0, 0), (0, 1)))
    to_view = (reach * rotation)[solids.owner]
    centre = np.einsum("pij,pj->pi", to_view, solids.centre) + shift[solids.owner]
    return centre, to_view @ solids.axes


def _cast(solids: _Solids, centre: Array, axes: Array, pixels: int) -> Arrays:
    """Return the part seen at each pixel of the chunk (-1 for none) and the surface normal."""
    depth = np.full(solids.count * pixels**2, -np.inf, np.float32)
    part = np.full(depth.size, -1)
    normal = np.zeros((depth.size, 3), np.float32)
    for kind, hit in ((ELLIPSOID, _hit_ellipsoid), (BLOCK, _hit_block), (FRUSTUM, _hit_frustum)):
        of_kind = np.flatnonzero(solids.kind == kind)
        ray, pixel, offset = _rays(centre[of_kind], axes[of_kind], solids.owner[of_kind], pixels)
        to_unit = np.linalg.inv(axes[of_kind]).astype(np.float32)
        towards = to_unit[ray]
        # Rays where the part is a unit shape; they meet its surface at origin + t * sight.
        origin = (towards[:, :, 0] * offset[:, :1] + towards[:, :, 1] * offset[:, 1:]).T
        sight = towards[:, :, 2].T
        t, unit_normal = hit(origin, sight, solids.taper[of_kind][ray].T)
        z = t + centre[of_kind, 2].astype(np.float32)[ray]
        np.maximum.at(depth, pixel, z)
        seen = np.isfinite(z) & (z == depth[pixel])
        # Parts of one kind that tie for a pixel overwrite each other: any of them is in front.
        part[pixel[seen]] = of_kind[ray[seen]]
        normal[pixel[seen]] = np.einsum("rij,ir->rj", towards[seen], unit_normal[:, seen])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    return part, normal


def _rays(centre: Array, axes: Array, owner: Array, pixels: int) -> tuple[Array, Array, Array]:
    """Return part, pixel and offset from the part's centre [n, 2] of rays through its box."""
    reach = np.abs(axes[:, :2]).sum(2)
    middle = centre[:, :2] * (1, -1)  # pixel rows run downwards
    edges = (middle + np.array([-1, 1])[:, None, None] * reach + 1) * pixels / 2
    low, high = np.rint(edges).clip(0, pixels).astype(int)
    width, height = (high - low).T
    ray = np.repeat(np.arange(len(centre)), width * height)
    first = np.cumsum(width * height) - width * height
    step = np.arange(ray.size) - first[ray]
    column, row = low[ray, 0] + step % width[ray], low[ray, 1] + step // width[ray]
    at = np.stack([column, row], 1) * (2 / pixels) + (1 / pixels - 1)
    offset = (at * (1, -1) - centre[ray, :2]).astype(np.float32)
    return ray, (owner[ray] * pixels + row) * pixels + column, offset


# Each `_hit` takes rays in a part's own frame: origin and sight (towards the viewer) [3, n], taper
# [2, n]. It gives t [n] of the nearest point, -inf for a miss, and the normal there [3, n].


def _hit_ellipsoid(origin: Array, sight: Array, taper: Array) -> Arrays:
    """Meet the unit ball."""
    a, b, c = (sight**2).sum(0), (origin * sight).sum(0), (origin**2).sum(0) - 1
    inside = b * b - a * c
    t = np.where(inside > 0, (np.sqrt(np.maximum(inside, 0)) - b) / a, -np.inf)
    return t, origin + np.where(inside > 0, t, 0) * sight


def _hit_block(origin: Array, sight: Array, taper: Array) -> Arrays:
    """Meet the cube |x|, |y|, |z| <= 1, whose x and y shrink to `taper` at z = 1."""
    middle, slope = (taper + 1) / 2, (taper - 1) / 2
    # Six planes, normal . q <= limit, bound the block: left, right, up, down, far and near end.
    normal = np.zeros((6, *origin.shape), np.float32)
    limit = np.ones((6, origin.shape[1]), np.float32)
    for axis in (0, 1, 2):
        normal[2 * axis, axis], normal[2 * axis + 1, axis] = 1, -1
    normal[:4, 2] = -slope.repeat(2, axis=0)
    limit[:4] = middle.repeat(2, axis=0)
    along = (normal * sight).sum(1)
    # A plane along the ray lets all of it through or, with the sign of this small number, none.
    t = (limit - (normal * origin).sum(1)) / np.where(along == 0, -1e-12, along)
    leave = np.where(along > 0, t, np.inf)
    enter = np.where(along > 0, -np.inf, t).max(0)
    face = leave.argmin(0)
    leave = leave.min(0)
    return np.where(enter <= leave, leave, -np.inf), normal[face, :, np.arange(face.size)].T


def _hit_frustum(origin: Array, sight: Array, taper: Array) -> Arrays:
    """Meet the round rod |z| <= 1 of radius 1 at z = -1 and `taper` at z = 1."""
    (x, y, z), (dx, dy, dz) = origin, sight
    slope = (taper[0] - 1) / 2
    radius, widening = (taper[0] + 1) / 2 + slope * z, slope * dz
    a = dx**2 + dy**2 - widening**2
    a = np.where(np.abs(a) < 1e-6, 1e-6, a)
    b, c = x * dx + y * dy - radius * widening, x**2 + y**2 - radius**2
    root = np.sqrt(np.maximum(b * b - a * c, 0))
    side = np.full_like(a, -np.inf)
    for t in ((root - b) / a, (-root - b) / a):
        side = np.where((b * b > a * c) & (np.abs(z + t * dz) <= 1), np.maximum(t, side), side)
    at = np.where(np.isfinite(side), side, 0)
    normal = np.stack([x + at * dx, y + at * dy, -slope * (radius + at * widening)])
    end = np.copysign(np.ones_like(dz), dz)
    cap = (end - z) / np.where(dz == 0, 1e-12, dz)
    flat = np.hypot(x + cap * dx, y + cap * dy) <= np.where(end > 0, taper[0], 1)
    return np.where(flat, cap, side), np.where(flat, np.stack([0 * end, 0 * end, end]), normal)


def _shade(
    rng: np.random.Generator, solids: _Solids, part: Array, normal: Array, clutter: float
) -> Arrays:
    """Return lit colours [pixels, 3], 0 where no part is, and cover [pixels, 1]."""
    count = solids.count
    light = np.stack([rng.uniform(low, 1, count) for low in (-1, 0.1, 0.4)], 1)
    light /= np.linalg.norm(light, axis=1, keepdims=True)
    tint = 1 - clutter * TINT * rng.uniform(0, 1, (count, 1, 3))
    jitter = clutter * JITTER * rng.normal(size=(count, len(PALETTE), 3))
    palette = (np.array(list(PALETTE.values())) + jitter).clip(0.05, 1) * tint
    covered = part >= 0
    owner, colour = solids.owner[part[covered]], solids.colour[part[covered]]
    lit = np.maximum((normal[covered] * light[owner]).sum(1), 0)
    out = np.zeros(normal.shape, np.float32)
    # A third of the light comes from all around, so that the far side is dark but not black.
    out[covered] = palette[owner, colour] * (0.35 + 0.75 * lit)[:, None]
    return out, covered[:, None].astype(np.float32)


def _background(rng: np.random.Generator, count: int, size: int, clutter: float) -> Array:
    """Return noise of all scales, gradients to specks, around a colour: [count, size, size, 3]."""
    noise = np.zeros((count, size, size, 3))
    for cells in (2, 4, 8, 16):
        # Smooth interpolation between grid points that span the picture, as [size, cells].
        distance = np.abs(np.linspace(0, cells - 1, size)[:, None] - np.arange(cells))
        near = np.maximum(1 - distance, 0)
        spread = near**2 * (3 - 2 * near)
        grid = rng.normal(0, 1, (count, cells, cells, 3)) * rng.uniform(0, 1, (count, 1, 1, 1))
        noise += np.einsum("ra,nabc,sb->nrsc", spread, grid, spread, optimize=True)
    # Dark, as augmentation pads with black: an edge around each picture would hide what is learnt.
    return clutter * (MEAN * rng.uniform(0, 1, (count, 1, 1, 3)) + NOISE * noise)
