"""Twenty independent scenes for a tuning-free detector of bright objects.

Every scene is written from a public complaint about peak finding, spot
detection or nucleus counting (named in its docstring), and is synthesised with
fixed seeds, so the truth is exact.

    make_<name>()          -> list of Case (the images with their truth)
    scene_<name>(detect)   -> (score in 0..1, short explanation)

``detect(image)`` gets an array (row, column) or (plane, row, column) and gives
an (n, ndim) array of positions.

Score of an image with objects: F1.  A point can serve one object only, an
object takes one point only (maximum matching); a point serves an object when it
lies within the object's radius or 3 px, whichever is more (for elongated and
irregular objects: on the object, or within 3 px of its axis).  Every further
point counts against.
Score of an image without objects: 1.0 up to 5 points a megapixel, falling
linearly to 0 at 50 points a megapixel.

    python scenes.py [module:function] [scene ...]
"""
import importlib
import sys
import time

import numpy as np
from scipy import ndimage as ndi
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching


# --------------------------------------------------------------------- helpers
class Case:
    """One image with its truth.

    centres: (n, ndim) floats; tol: (n, ndim) floats, the semi-axes within which
    a point serves the object; masks: label image, where given a point on label
    i + 1 serves object i as well; info: what a reference detector may know.
    """

    def __init__(self, image, centres=(), tol=3.0, masks=None, **info):
        self.image = image
        nd = image.ndim
        self.centres = np.asarray(centres, float).reshape(-1, nd)
        n = len(self.centres)
        t = np.asarray(tol, float)
        if t.ndim == 1 and len(t) == n and not (t.ndim == 1 and n == nd):
            t = t[:, None]
        self.tol = np.broadcast_to(t, (n, nd)).copy() if n else np.zeros((0, nd))
        self.masks = masks
        self.info = info


def _points(detect, image):
    pts = np.asarray(detect(image.copy()))
    if pts.size == 0:
        return np.zeros((0, image.ndim))
    pts = np.atleast_2d(pts).astype(float)
    if pts.shape[1] != image.ndim:
        raise ValueError(f"points have shape {pts.shape}")
    return pts


def f1(points, case):
    """F1 of points against the objects of a case, with the counts."""
    n, m = len(case.centres), len(points)
    if n == 0:
        return (1.0 if m == 0 else 0.0), 0, m, 0
    if m == 0:
        return 0.0, 0, 0, n
    d = (points[:, None, :] - case.centres[None]) / case.tol[None]
    ok = (d ** 2).sum(-1) <= 1.0
    if case.masks is not None:
        idx = np.round(points).astype(int)
        top = np.array(case.masks.shape) - 1
        lab = case.masks[tuple(np.clip(idx, 0, top).T)]
        on = lab > 0
        ok[np.nonzero(on)[0], lab[on] - 1] = True
    match = maximum_bipartite_matching(csr_matrix(ok), perm_type="column")
    tp = int((match >= 0).sum())
    return 2.0 * tp / (n + m), tp, m - tp, n - tp


def empty_score(n_points, n_pixels):
    density = n_points / (n_pixels / 1e6)
    return float(np.clip(1.0 - (density - 5.0) / 45.0, 0.0, 1.0))


def _score(detect, cases, what):
    scores, notes = [], []
    for case in cases:
        name = case.info.get("name", "")
        try:
            pts = _points(detect, case.image)
        except Exception as e:                       # a crash scores nothing
            scores.append(0.0)
            notes.append(f"{name} {type(e).__name__}: {e}".strip())
            continue
        if len(case.centres) == 0:
            s = empty_score(len(pts), case.image.size)
            notes.append(f"{name} {len(pts)} false".strip())
        else:
            s, tp, fp, fn = f1(pts, case)
            notes.append(f"{name} {tp} of {tp + fn} found, {fp} false".strip())
        scores.append(s)
    return float(np.mean(scores)), what + ": " + "; ".join(notes)


def place(rng, n, shape, gap, margin, tries=20000, keep=(), keep_gap=None):
    """n random positions at least gap apart, margin away from the border.

    gap: a number, or (n,) radii (two objects then keep r_i + r_j apart)."""
    shape = np.asarray(shape, float)
    gap = np.asarray(gap, float)
    out = []
    margin = np.broadcast_to(np.asarray(margin, float), shape.shape)
    keep = np.asarray(keep, float).reshape(-1, len(shape))
    for i in range(n):
        for _ in range(tries):
            p = margin + rng.random(len(shape)) * (shape - 1 - 2 * margin)
            if len(keep):
                kd = np.sqrt(((keep - p) ** 2).sum(1))
                if (kd < keep_gap).any():
                    continue
            if out:
                d = np.sqrt(((np.array(out) - p) ** 2).sum(1))
                need = gap if gap.ndim == 0 else gap[:len(out)] + gap[i]
                if (d < need).any():
                    continue
            out.append(p)
            break
        else:
            raise RuntimeError(f"no room for object {i} of {n}")
    return np.array(out)


def add_gauss(img, p, sigma, amp):
    """Adds one Gaussian, in place; sigma a number or one per axis."""
    p = np.asarray(p, float)
    s = np.broadcast_to(np.asarray(sigma, float), p.shape)
    sl, e = [], 0.0
    for a in range(img.ndim):
        lo = max(0, int(np.floor(p[a] - 6 * s[a])))
        hi = min(img.shape[a], int(np.ceil(p[a] + 6 * s[a])) + 1)
        sl.append(slice(lo, hi))
        x = (np.arange(lo, hi) - p[a]) / s[a]
        sh = [1] * img.ndim
        sh[a] = -1
        e = e + (x ** 2).reshape(sh)
    img[tuple(sl)] += amp * np.exp(-0.5 * e)


def dist(shape, p):
    g = np.ogrid[tuple(slice(0, n) for n in shape)]
    return np.sqrt(sum((x - c) ** 2 for x, c in zip(g, p)))


def smooth_step(x, width):
    """1 well below zero, 0 well above."""
    return 0.5 * (1 - np.tanh(x / width))


# ---------------------------------------------------------------------- scenes
def make_empty_noise():
    n = 512
    r = np.random.default_rng(101)
    out = [Case(100 + 10 * r.standard_normal((n, n)), name="gaussian")]
    out.append(Case(r.poisson(2.5, (n, n)).astype(np.uint16), name="poisson"))
    c = ndi.gaussian_filter(r.standard_normal((n, n)), 2.0, mode="wrap")
    out.append(Case((300 + 15 * c / c.std()).astype(np.float32),
                    name="correlated"))
    d = dist((n, n), (256, 256)) / 362.0
    v = 40 * (1 - 0.8 * d ** 2)
    out.append(Case(r.poisson(v).astype(np.uint16), name="vignetted poisson"))
    return out


def scene_empty_noise(detect):
    """Frames with nothing in them, four kinds of noise.

    soft-matter/trackpy#633 (ghost particles in frames where there is nothing),
    scikit-image/scikit-image#172 (empty frame of a sequence),
    MouseLand/cellpose#1090 (hundreds of cells in a tile without DAPI),
    spacetelescope/drizzlepac#1663 and #1017 (drizzled, so correlated, noise
    whose peaks are taken for sources).
    """
    return _score(detect, make_empty_noise(), "empty frames")


def make_uneven_illumination():
    r = np.random.default_rng(102)
    shape = (420, 560)
    illum = 0.12 + 0.88 * np.exp(-dist(shape, (150, 400)) ** 2 / (2 * 150 ** 2))
    pos = place(r, 60, shape, 18, 8)
    obj = np.zeros(shape)
    for p in pos:
        add_gauss(obj, p, 2.2, r.uniform(0.35, 1.2))
    bg = 400 * illum
    img = r.poisson(bg * (1 + obj)).astype(np.uint16)
    return [Case(img, pos, 3.1, bg=bg, noise=np.sqrt(bg), sigma=2.2)]


def scene_uneven_illumination(detect):
    """Lamp off the axis: background and spots are eight times dimmer in one
    corner than under the lamp, with shot noise.

    trackmate-sc/TrackMate#24 (background subtraction before detecting),
    NEUBIAS/training-resources#217 (uneven illumination),
    EranOfek/AstroPack#930 (raised background gives false stars).
    """
    return _score(detect, make_uneven_illumination(), "uneven light")


def make_stitched_tiles():
    r = np.random.default_rng(103)
    t, k = 170, 3
    n = t * k
    bg, gain = np.zeros((n, n)), np.zeros((n, n))
    u = np.abs(np.linspace(-1, 1, t))
    fall = 1 - 0.22 * np.maximum(u[:, None], u[None]) ** 6
    offs = r.permutation(np.linspace(90, 230, k * k)).reshape(k, k)
    for i in range(k):
        for j in range(k):
            sl = np.s_[i * t:(i + 1) * t, j * t:(j + 1) * t]
            g = r.uniform(0.75, 1.35)
            bg[sl] = offs[i, j] * fall
            gain[sl] = g * fall
    pos = place(r, 70, (n, n), 24, 9)
    obj = np.zeros((n, n))
    for p in pos:
        obj += r.uniform(28, 115) * np.exp(-0.5 * (dist((n, n), p) / 5) ** 4)
    img = bg + gain * obj + 6 * r.standard_normal((n, n))
    return [Case(img.astype(np.float32), pos, 6.0, bg=bg, sigma=4.2)]


def scene_stitched_tiles(detect):
    """Nine tiles with their own offset and gain, darker along their edges, so
    that the seams are steps far higher than the noise.

    abria/TeraStitcher#2 (reduced intensity at tile boundaries),
    brainglobe/cellfinder#545 (c-Fos data with tile-wise uneven light).
    """
    return _score(detect, make_stitched_tiles(), "stitched tiles")


def make_bright_halos():
    r = np.random.default_rng(104)
    shape = (512, 512)
    bright = place(r, 6, shape, 130, 60)
    faint = place(r, 65, shape, 18, 8, keep=bright, keep_gap=26)
    sky = np.full(shape, 200.0)
    alpha, beta = 3.54, 2.5
    yy, xx = np.mgrid[:shape[0], :shape[1]]
    for p in bright:
        d = dist(shape, p)
        a = r.uniform(2e4, 5e4)
        sky += a * (1 + (d / alpha) ** 2) ** -beta          # the star
        sky += 500 * np.exp(-d / 18)                        # aureole
        rad = r.uniform(36, 52)
        sky += 160 * smooth_step(d - rad, 1.5) * smooth_step(9 - d, 1.5)  # ghost
        for dy, dx in ((yy - p[0], xx - p[1]), (xx - p[1], yy - p[0])):
            sky += 1200 * np.exp(-np.abs(dy) / 14) * np.exp(-0.5 * (dx / 1.2) ** 2)
    back = sky.copy()
    for p in faint:
        d = dist(shape, p)
        amp = r.uniform(6, 30) * np.sqrt(back[tuple(np.round(p).astype(int))])
        sky += amp * (1 + (d / alpha) ** 2) ** -beta
    img = r.poisson(sky).astype(float)
    pos = np.vstack([bright, faint])
    return [Case(img, pos, 3.5, bg=back, noise=np.sqrt(back), sigma=2.0,
                 n_bright=len(bright))]


def scene_bright_halos(detect):
    """Six very bright stars with aureole, spikes and a ghost disc with an edge;
    faint stars outside and on the halos.

    legacysurvey/legacypipe#5 (bright objects with halos generate fake sources),
    EranOfek/AstroPack#915 (too many sources near bright targets),
    EranOfek/AstroPack#1050 (diffraction spikes).
    """
    return _score(detect, make_bright_halos(), "halos")


def make_hot_pixels():
    r = np.random.default_rng(105)
    shape = (400, 400)
    pos = place(r, 45, shape, 22, 8)
    img = 100 + 8 * r.standard_normal(shape)
    for p in pos:
        add_gauss(img, p, 2.0, 10 ** r.uniform(1.6, 2.6))
    near = np.zeros(shape, bool)
    near[tuple(np.round(pos).astype(int).T)] = True
    free = ndi.distance_transform_edt(~near) > 6
    ys, xs = np.nonzero(free)
    for i in r.choice(len(ys), 350, replace=False):
        img[ys[i], xs[i]] += 10 ** r.uniform(2.2, 3.6)
    done = 0
    while done < 15:                                # cosmic-ray tracks
        i = r.integers(len(ys))
        th, ln = r.uniform(0, np.pi), r.uniform(8, 20)
        t = np.arange(0, ln, 0.5)
        y = np.round(ys[i] + t * np.sin(th)).astype(int)
        x = np.round(xs[i] + t * np.cos(th)).astype(int)
        if y.max() > 399 or x.max() > 399 or x.min() < 0 or not free[y, x].all():
            continue
        yx = np.unique(np.stack([y, x], 1), axis=0)
        img[yx[:, 0], yx[:, 1]] += r.uniform(300, 1500)
        done += 1
    return [Case(img.astype(np.float32), pos, 3.0, sigma=2.0)]


def scene_hot_pixels(detect):
    """Stars of 4.7 px FWHM among 350 hot pixels and 15 thin cosmic-ray tracks,
    most of them brighter than the stars, but one pixel wide.

    OpenPHDGuiding/phd2#211 (the star finder is attracted to hot pixels),
    page "Hot pixels and cosmic rays" (spiff.rit.edu, phys445),
    page "NON-REPORTABLE: Classic Cosmic Ray" (fmo.lpl.arizona.edu).
    """
    return _score(detect, make_hot_pixels(), "hot pixels")


def make_scan_lines():
    r = np.random.default_rng(106)
    n = 380
    pos = place(r, 45, (n, n), 26, 9)
    img = np.zeros((n, n))
    for p in pos:
        add_gauss(img, p, 3.2, r.uniform(36, 90))
    img += (12 * r.standard_normal(n) + 4 * np.cumsum(r.standard_normal(n)))[:, None]
    for _ in range(40):                             # scars
        y, x, ln = r.integers(n), r.integers(n - 20), r.integers(15, 80)
        img[y, x:x + ln] += r.choice([-1, 1]) * r.uniform(20, 45)
    img += 3 * r.standard_normal((n, n))
    return [Case(img, pos, 4.5, sigma=3.2)]


def scene_scan_lines(detect):
    """Particles in a line-by-line scan: every row has its own offset (and the
    offsets wander), and forty rows carry scars.

    page "Scan Line Artefacts" (Gwyddion user guide),
    spacetelescope/jwst#8099 (detector row striping),
    page "A Guide to AFM Image Artifacts" (pacificnanotech.com).
    """
    return _score(detect, make_scan_lines(), "scan lines")


def make_saturated():
    r = np.random.default_rng(107)
    n = 480
    sig = np.concatenate([r.uniform(4, 8.5, 26), np.full(14, 3.0)])
    pos = place(r, len(sig), (n, n), 2.7 * sig, 24)
    img = np.full((n, n), 25.0)
    rad = []
    for i, (p, s) in enumerate(zip(pos, sig)):
        a = 10 ** r.uniform(2.7, 3.4) if i < 26 else r.uniform(60, 140)
        add_gauss(img, p, s, a)
        rad.append(max(1.5 * s, s * np.sqrt(2 * np.log(max(a / 230, 1)))))
    img += 5 * r.standard_normal((n, n))
    img = np.clip(np.round(img), 0, 255).astype(np.uint8)
    return [Case(img, pos, np.array(rad), sigma=4.0)]


def scene_saturated(detect):
    """8-bit frame with most objects clipped to flat plateaus of 255, up to
    35 px wide, beside dim unclipped ones.

    soft-matter/trackpy#807 (a plateau reports every pixel as a maximum),
    OpenPHDGuiding/phd2#466 (saturated stars in 8-bit output are missed),
    spacetx/starfish#1909 (resolve saturated regions as single spots).
    """
    return _score(detect, make_saturated(), "saturated")


def make_mixed_sizes():
    r = np.random.default_rng(108)
    n = 540
    rad = np.sort(np.concatenate([[44, 36, 30], np.geomspace(3.5, 24, 42)]))[::-1]
    pos = place(r, len(rad), (n, n), rad + 4, rad.max() + 3)
    img = 60 + 12 * (np.mgrid[:n, :n][1] / n)
    for p, q in zip(pos, rad):
        d = dist((n, n), p)
        img = img + r.uniform(28, 90) * smooth_step(d - q, 1.2 + 0.05 * q)
    img = img + 5 * r.standard_normal((n, n))
    return [Case(np.clip(np.round(img), 0, 255).astype(np.uint8), pos,
                 np.maximum(rad, 3), radii=rad)]


def scene_mixed_sizes(detect):
    """Colonies of 3.5 to 44 px radius on one plate, flat on top, not touching.

    qgeissmann/OpenCFU#15 (trouble detecting big colonies),
    JaneliaSciComp/RS-FISH#12 (spots of very different sizes need several
    rounds), soft-matter/trackpy#807 (polydisperse features).
    """
    return _score(detect, make_mixed_sizes(), "mixed sizes")


def make_giant_object():
    r = np.random.default_rng(109)
    shape = (500, 500)
    c = np.array([235.0, 268.0])
    d = dist(shape, c)
    host = 60 + 3000 / (1 + (d / 40) ** 2)
    pos = place(r, 50, shape, 20, 8, keep=[c], keep_gap=26)
    lam = host.copy()
    for p in pos:
        nz = np.sqrt(host[tuple(np.round(p).astype(int))])
        add_gauss(lam, p, r.uniform(2.0, 3.2), r.uniform(4, 15) * nz)
    img = r.poisson(lam).astype(float)
    tol = np.r_[16.0, np.full(50, 3.5)]
    return [Case(img, np.vstack([c, pos]), tol, bg=host, noise=np.sqrt(host),
                 sigma=2.6)]


def scene_giant_object(detect):
    """One giant smooth object over most of the field, with fifty small ones on
    its flanks and around it; all fifty-one count.

    astropy/photutils#1502 (dominant central object, the others inside its
    halo), EranOfek/AstroPack#1094 (complicated background).
    """
    return _score(detect, make_giant_object(), "giant object")


def make_touching():
    r = np.random.default_rng(110)
    n, rad = 340, 8.5
    seeds = place(r, 16, (n, n), 60, 32)
    pos = []
    for s in seeds:
        clump = [s]
        want = r.integers(3, 9)
        for _ in range(2000):
            if len(clump) == want:
                break
            b = clump[r.integers(len(clump))]
            th, q = r.uniform(0, 2 * np.pi), r.uniform(1.7, 1.95) * rad
            p = b + q * np.array([np.sin(th), np.cos(th)])
            if np.min([np.hypot(*(p - o)) for o in clump]) < 1.68 * rad:
                continue
            if np.hypot(*(p - s)) > 28 or (p < 9).any() or (p > n - 10).any():
                continue
            clump.append(p)
        pos += clump
    pos = np.array(pos)
    img = np.zeros((n, n))
    for p in pos:
        d = dist((n, n), p)
        a = r.uniform(60, 125)
        img = np.maximum(img, a * np.sqrt(np.clip(1 - (d / rad) ** 2, 0, None)))
    img = ndi.gaussian_filter(img, 1.0) + 20
    img = r.poisson(img * 1.5) / 1.5
    return [Case(img.astype(np.float32), pos, 0.7 * rad, sigma=5.0)]


def scene_touching(detect):
    """Clumps of three to eight touching nuclei of one size.

    scikit-image/scikit-image#2114 (two glued discs give one blob between them),
    MouseLand/cellpose#739 (clumping), MouseLand/cellpose#556 (force separation),
    STOmics/CellBin#7 (a few nuclei taken together as one).
    """
    return _score(detect, make_touching(), "touching nuclei")


def make_close_pairs():
    r = np.random.default_rng(111)
    n, s = 400, 2.0
    mid = place(r, 48, (n, n), 32, 12)
    img = np.full((n, n), 120.0)
    pos = []
    for i, m in enumerate(mid):
        a = r.uniform(120, 500)
        if i < 33:
            q, th = r.uniform(5.8, 7.2), r.uniform(0, np.pi)
            v = 0.5 * q * np.array([np.sin(th), np.cos(th)])
            pos += [m - v, m + v]
            add_gauss(img, m - v, s, a)
            add_gauss(img, m + v, s, a / r.uniform(1, 1.45))
        else:
            pos.append(m)
            add_gauss(img, m, s, a)
    clean = img.copy()
    img = img + 8 * r.standard_normal((n, n))
    return [Case(img, np.array(pos), 2.9, sigma=1.3, clean=clean)]


def scene_close_pairs(detect):
    """33 pairs of diffraction-limited spots 2.9 to 3.6 sigma apart (a dip
    between them is there), and 15 single ones.

    JaneliaSciComp/RS-FISH#13 (overlapping spots not registered),
    astropy/photutils#193 (source deblending),
    astrorama/SourceXtractorPlusPlus#463 (is deblending working?).
    """
    return _score(detect, make_close_pairs(), "close pairs")


def make_faint_beside_bright():
    r = np.random.default_rng(112)
    n, s = 420, 3.0
    bright = place(r, 12, (n, n), 85, 30)
    faint = place(r, 30, (n, n), 24, 10, keep=bright, keep_gap=40)
    comp = []
    for b in bright:
        th, q = r.uniform(0, 2 * np.pi), r.uniform(15, 19)
        comp.append(b + q * np.array([np.sin(th), np.cos(th)]))
    lam = np.full((n, n), 60.0)
    for p in bright:
        add_gauss(lam, p, s, r.uniform(8e3, 2e4))
    back = lam.copy()
    for p in list(comp) + list(faint):
        add_gauss(lam, p, s, r.uniform(32, 120))
    img = np.round(r.poisson(lam)).astype(np.uint16)
    pos = np.vstack([bright, comp, faint])
    return [Case(img, pos, 4.2, bg=back, noise=np.sqrt(back), sigma=3.0,
                 n_bright=12)]


def scene_faint_beside_bright(detect):
    """Spots up to 500 times fainter than the brightest; twelve of them close beside
    a bright one (5 to 6 sigma of the spot away).

    EranOfek/AstroPack#1103 (stars near bright stars not detected),
    MouseLand/cellpose#645, #1041, #1317 (sparse image with a few bright cells),
    hoogenboom-group/PSF-Extractor#3 (a high outlier hides the features).
    """
    return _score(detect, make_faint_beside_bright(), "faint beside bright")


def make_textured_nuclei():
    r = np.random.default_rng(113)
    n = 430
    ax = r.uniform(17, 24, (30, 1)) * np.stack(
        [np.ones(30), 1 / r.uniform(1.0, 1.3, 30)], 1)
    pos = place(r, 30, (n, n), ax.max(1) + 2, 27)
    img = np.full((n, n), 15.0)
    lab = np.zeros((n, n), int)
    yy, xx = np.mgrid[:n, :n]
    fine = ndi.gaussian_filter(r.standard_normal((n, n)), 1.5)
    fine /= fine.std()
    for i, (p, (a, b)) in enumerate(zip(pos, ax)):
        th = r.uniform(0, np.pi)
        u = (yy - p[0]) * np.sin(th) + (xx - p[1]) * np.cos(th)
        v = (yy - p[0]) * np.cos(th) - (xx - p[1]) * np.sin(th)
        q = np.sqrt((u / a) ** 2 + (v / b) ** 2)
        inside = smooth_step((q - 1) * b, 1.5)
        tex = np.zeros((n, n))
        for _ in range(r.integers(6, 13)):          # chromocentres
            w, t = 0.8 * np.sqrt(r.random()), r.uniform(0, 2 * np.pi)
            uu, vv = w * a * np.cos(t), w * b * np.sin(t)
            c = p + np.array([uu * np.sin(th) + vv * np.cos(th),
                              uu * np.cos(th) - vv * np.sin(th)])
            add_gauss(tex, c, r.uniform(1.6, 2.6), r.uniform(15, 38))
        base = r.uniform(50, 115)
        img += inside * base * (1 + 0.09 * fine + tex / 95)
        lab[(q <= 1)] = i + 1
    img += 4 * r.standard_normal((n, n))
    return [Case(img.astype(np.float32), pos, 3.0, masks=lab, sigma=13.0)]


def scene_textured_nuclei(detect):
    """Thirty large nuclei with chromocentres and grain; each counts once.

    Teichlab/bin2cell#14 (many small circles in one nucleus),
    page "Count Nuclei (or other spots) in an image"
    (microscopy.med.ualberta.ca: the staining makes nuclei granular).
    """
    return _score(detect, make_textured_nuclei(), "textured nuclei")


def make_haze():
    r = np.random.default_rng(114)
    n = 450
    lam = np.full((n, n), 110.0)
    for _ in range(70):
        add_gauss(lam, r.uniform(-30, n + 30, 2), r.uniform(20, 32), r.uniform(12, 38))
    back = lam.copy()
    pos = place(r, 60, (n, n), 26, 10)
    for p in pos:
        d = dist((n, n), p)
        lam += r.uniform(32, 130) * np.exp(-0.5 * (d / 4.8) ** 4)
    img = r.poisson(lam).astype(np.uint16)
    return [Case(img, pos, 5.0, bg=back, noise=np.sqrt(back), sigma=3.6)]


def scene_haze(detect):
    """Sharp cells over the haze of seventy cells far out of focus.

    MouseLand/suite2p#578 (background found as cells, most neurons missed),
    MouseLand/suite2p#43 (diffuse neuropil ROIs),
    horsto in MouseLand/cellpose#1141 (two-photon recordings).
    """
    return _score(detect, make_haze(), "out-of-focus haze")


def make_eight_bit():
    r = np.random.default_rng(115)
    n, s = 360, 3.5
    pos = place(r, 42, (n, n), 26, 10)
    img = 12.3 + 0.7 * r.standard_normal((n, n))
    for p in pos:
        add_gauss(img, p, s, r.uniform(2.0, 6.5))
    img = np.clip(np.round(img), 0, 255).astype(np.uint8)
    used = 0
    while used < 3:                                 # stuck pixels
        y, x = r.integers(5, n - 5, 2)
        if np.min(np.hypot(pos[:, 0] - y, pos[:, 1] - x)) > 14:
            img[y, x] = 255
            used += 1
    return [Case(img, pos, 5.0, sigma=s, bg=np.full((n, n), 12.3))]


def scene_eight_bit(detect):
    """8-bit frame whose spots stand two to six grey levels above the
    background, with three stuck pixels at 255.

    soft-matter/trackpy#762 and #188 (rounding to 8 bits loses features),
    hoogenboom-group/PSF-Extractor#3 (range, dtype and dead pixels).
    """
    return _score(detect, make_eight_bit(), "8-bit")


def make_anisotropic_3d():
    r = np.random.default_rng(116)
    shape = (28, 180, 180)
    sig = np.array([0.9, 2.8, 2.8])
    scale = np.array([1 / 0.9, 1 / 2.8, 1 / 2.8])
    q = place(r, 50, np.array(shape) * scale, 6.0, 2.0)
    pos = q / scale
    img = np.full(shape, 100.0)
    for p in pos:
        add_gauss(img, p, sig, 10 ** r.uniform(1.5, 2.2))
    img = np.clip(np.round(img + 9 * r.standard_normal(shape)), 0, None)
    return [Case(img.astype(np.uint16), pos, (2.0, 3.9, 3.9), sigma=sig,
                 bg=np.full(shape, 100.0))]


def scene_anisotropic_3d(detect):
    """3-D stack, spots 6.6 px wide (FWHM) in the plane and 2.1 across planes.

    scikit-image/scikit-image#3680 (non-isotropic blob finding) and #3777,
    trackmate-sc/TrackMate#201 (anisotropy parameter).
    """
    return _score(detect, make_anisotropic_3d(), "anisotropic 3-D")


def make_dark_holes():
    r = np.random.default_rng(117)
    n = 400
    allp = place(r, 70, (n, n), 30, 12)
    pos, holes = allp[:32], allp[32:]
    img = np.full((n, n), 120.0)
    for p in pos:
        add_gauss(img, p, 4.0, r.uniform(18, 75))
    for p in holes:
        d = dist((n, n), p)
        q = r.uniform(5, 9)
        img -= r.uniform(50, 85) * smooth_step(d - q, 1.5)
    img += 7 * r.standard_normal((n, n))
    return [Case(img.astype(np.float32), pos, 5.6, sigma=4.0)]


def scene_dark_holes(detect):
    """Bright cells and as many dark holes (vessels, vacuoles), of more contrast
    than the cells; only the bright ones count.

    MouseLand/cellpose#1141 ("dark cells" detected in fluorescence images),
    hyperspy/hyperspy#3344 (dark spots), scikit-image/scikit-image#930 (DoH is
    not specific to light blobs).
    """
    return _score(detect, make_dark_holes(), "dark holes")


def make_elongated():
    r = np.random.default_rng(118)
    n, w = 430, 3.0
    yy, xx = np.mgrid[:n, :n].astype(float)
    used = np.zeros((n, n), bool)
    lab = np.zeros((n, n), int)
    img = np.full((n, n), 30.0)
    pos = []
    for _ in range(20000):
        if len(pos) == 32:
            break
        p, th, half = r.uniform(26, n - 27, 2), r.uniform(0, np.pi), r.uniform(13, 22)
        u = (yy - p[0]) * np.sin(th) + (xx - p[1]) * np.cos(th)
        v = (yy - p[0]) * np.cos(th) - (xx - p[1]) * np.sin(th)
        d = np.hypot(np.maximum(np.abs(u) - half, 0), v)
        if used[d < 9].any():
            continue
        used |= d < 9
        ripple = 1 + 0.1 * np.sin(u / r.uniform(3, 5) + r.uniform(0, 6))
        img += r.uniform(45, 110) * ripple * np.exp(-0.5 * (d / w) ** 2)
        lab[d <= 5] = len(pos) + 1
        pos.append(p)
    img += 7 * r.standard_normal((n, n))
    return [Case(img.astype(np.float32), np.array(pos), 3.0, masks=lab, sigma=3.0)]


def scene_elongated(detect):
    """Rods five to seven times longer than wide, apart; each counts once.

    labsyspharm/mcmicro#367 (a spindle-shaped cell is cut into two to four),
    MouseLand/cellpose#394 (oblongated cells),
    CellProfiler/CellProfiler#4665 (elongated bacteria).
    """
    return _score(detect, make_elongated(), "elongated")


def make_border():
    r = np.random.default_rng(119)
    n, s = 256, 3.0
    edge = []
    for i, t in enumerate(np.linspace(14, n - 15, 9)):
        o = r.uniform(0, 2.0, 4)
        j = r.uniform(-3, 3, 4)
        edge += [(o[0], t + j[0]), (n - 1 - o[1], t + j[1]),
                 (t + j[2], o[2]), (t + j[3], n - 1 - o[3])]
    edge = [edge[i] for i in r.permutation(len(edge))[:24]]
    edge = [p for i, p in enumerate(edge) if all(
        np.hypot(p[0] - q[0], p[1] - q[1]) > 17 for q in edge[:i])]
    edge += [(1.0, 1.0), (254.0, 253.5)]
    edge = np.array([p for i, p in enumerate(edge) if all(
        np.hypot(p[0] - q[0], p[1] - q[1]) > 17 for q in edge[i + 1:])])
    inner = place(r, 16, (n, n), 24, 22, keep=edge, keep_gap=24)
    pos = np.vstack([edge, inner])
    img = np.full((n, n), 50.0)
    for p in pos:
        add_gauss(img, p, s, r.uniform(26, 100))
    img += 6 * r.standard_normal((n, n))
    out = [Case(img, pos, 4.2, name="2-D", sigma=s)]

    shape, sig = (30, 150, 150), np.array([1.6, 3.0, 3.0])
    scale = 1 / sig
    top = np.array(shape) - 1.0
    pos = []
    for k in range(4000):
        if len(pos) == 44:
            break
        p = r.random(3) * top
        face = r.integers(6) if len(pos) < 28 else -1
        if face >= 0:
            p[face // 2] = 0.0 + r.uniform(0, 1) if face % 2 else top[face // 2] - r.uniform(0, 1)
        else:
            p = 3 * sig + r.random(3) * (top - 6 * sig)
        if all((((p - q) * scale) ** 2).sum() > 6.5 ** 2 for q in pos):
            pos.append(p)
    img = np.full(shape, 100.0)
    for p in pos:
        add_gauss(img, p, sig, r.uniform(36, 130))
    img = np.round(img + 9 * r.standard_normal(shape)).astype(np.uint16)
    out.append(Case(img, np.array(pos), (2.5, 4.2, 4.2), name="3-D", sigma=sig))
    return out


def scene_border(detect):
    """Objects whose centre lies within 2 px of the border, 2-D and 3-D (also on
    the first and the last plane), and others inside.

    brainglobe/cellfinder#310 (cell detection ignores borders),
    scikit-image/scikit-image#5500 (exclude_border empties a thin stack),
    trackmate-sc/TrackMate#228 (detectors near the image boundary).
    """
    return _score(detect, make_border(), "border")


def make_low_counts():
    r = np.random.default_rng(120)
    n, s = 320, 2.2
    pos = place(r, 38, (n, n), 24, 9)
    lam = np.full((n, n), 0.08)
    for p in pos:
        add_gauss(lam, p, s, r.uniform(45, 120) / (2 * np.pi * s * s))
    img = r.poisson(lam).astype(np.uint16)
    return [Case(img, pos, 3.5, sigma=s, bg=np.full((n, n), 0.08))]


def scene_low_counts(detect):
    """Photon counting: 0.08 counts a pixel of background, 45 to 120 counts in
    each spot (1.5 to 4 at its peak), most pixels zero.

    spacetelescope/drizzlepac#1262 (source detection in photon-counting SBC
    data), jungmannlab/picasso (single-molecule frames, #493),
    spacetelescope/drizzlepac#831 (a floor to the threshold where background
    and RMS are very small).
    """
    return _score(detect, make_low_counts(), "low counts")


SCENES = [
    scene_empty_noise, scene_uneven_illumination, scene_stitched_tiles,
    scene_bright_halos, scene_hot_pixels, scene_scan_lines, scene_saturated,
    scene_mixed_sizes, scene_giant_object, scene_touching, scene_close_pairs,
    scene_faint_beside_bright, scene_textured_nuclei, scene_haze,
    scene_eight_bit, scene_anisotropic_3d, scene_dark_holes, scene_elongated,
    scene_border, scene_low_counts,
]


def main(argv=None):
    argv = list(sys.argv[1:] if argv is None else argv)
    path = argv.pop(0) if argv and ":" in argv[0] else "adapool:peak_local_max"
    module, name = path.split(":")
    detect = getattr(importlib.import_module(module), name)
    chosen = [s for s in SCENES
              if not argv or s.__name__[len("scene_"):] in argv]
    scores = []
    for scene in chosen:
        t = time.perf_counter()
        score, note = scene(detect)
        scores.append(score)
        print(f"{score:6.3f}  {scene.__name__[6:]:22s} {note}"
              f"  ({time.perf_counter() - t:.1f} s)", flush=True)
    print(f"{np.mean(scores):6.3f}  mean of {len(scores)} scenes ({path})")
    return scores


if __name__ == "__main__":
    main()
