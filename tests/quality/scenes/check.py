"""Fairness check: for every scene a simple detector that knows the scale (and
the background where there is one), and two usual ones with nothing tuned."""
import sys
sys.path.insert(0, ".")
import numpy as np
from scipy import ndimage as ndi
from skimage.feature import blob_log, peak_local_max
from skimage.filters import threshold_otsu
import scenes


def log_peaks(z, s, k=6.0, size=None):
    """Local maxima of the LoG of one scale above k robust sigmas."""
    s = np.broadcast_to(np.asarray(s, float), (z.ndim,))
    r = -sum(ndi.gaussian_filter(z.astype(float), s,
             order=[2 if a == b else 0 for b in range(z.ndim)], mode="nearest") * s[a] ** 2
             for a in range(z.ndim))
    med = np.median(r)
    sd = 1.4826 * np.median(np.abs(r - med))
    size = size or tuple(2 * int(np.ceil(1.0 * q)) + 1 for q in s)
    mx = ndi.maximum_filter(r, size=size)
    return np.argwhere((r == mx) & (r > med + k * sd))


def cc(img, s, thr=None, fill=0):
    g = ndi.gaussian_filter(img.astype(float), s)
    m = g > (threshold_otsu(g) if thr is None else thr)
    lab, n = ndi.label(m)
    return np.array(ndi.center_of_mass(m, lab, range(1, n + 1))).reshape(-1, img.ndim)


def reference(case, name):
    i, im = case.info, case.image.astype(float)
    bg = i.get("bg", np.zeros_like(im))
    z = (im - bg) / i.get("noise", 1.0)
    if name == "empty_noise":
        return log_peaks(z, 2.0, 7.0)
    if name == "hot_pixels":
        return log_peaks(ndi.median_filter(z, 5), 2.0, 9)
    if name == "scan_lines":
        return log_peaks(z - np.median(z, 1, keepdims=True), 3.2, 13)
    if name in ("saturated", ):
        sat = ndi.binary_opening(im >= 250, iterations=2)
        lab, n = ndi.label(sat)
        big = np.array(ndi.center_of_mass(sat, lab, range(1, n + 1)))
        p = log_peaks(im, 3.0, 12)
        far = ndi.distance_transform_edt(~sat)[tuple(p.T)] > 12
        return np.vstack([big, p[far]])
    if name == "mixed_sizes":
        return cc(im - 12 * np.arange(im.shape[1]) / im.shape[1], 1.0, 72)
    if name == "textured_nuclei":
        return cc(im, 2.0, 36)
    if name == "elongated":
        return cc(im, 1.5, 50)
    if name == "giant_object":
        return np.vstack([log_peaks(z, 2.6, 8), case.centres[:1]])
    if name in ("bright_halos", "faint_beside_bright"):
        nb = i["n_bright"]
        return np.vstack([log_peaks(z, i["sigma"], 8), case.centres[:nb]])
    if name == "touching":
        return log_peaks(z, 4.5, 6)
    if name == "close_pairs":
        return log_peaks(z, 1.4, 9)
    if name == "eight_bit":
        return log_peaks(ndi.median_filter(z, 3), i["sigma"], 8)
    if name == "dark_holes":
        p = log_peaks(z, 4.0, 6)
        return p[ndi.gaussian_filter(z, 1.5)[tuple(p.T)] > 132]
    return log_peaks(z, i["sigma"], 8)


def nothing_tuned_plm(im):
    return peak_local_max(im, min_distance=5, threshold_rel=0.5)


def nothing_tuned_log(im):
    b = blob_log(im / im.max(), min_sigma=1.5, max_sigma=12, num_sigma=5, threshold=0.1)
    return b[:, :im.ndim]


if __name__ == "__main__":
    quick = "quick" in sys.argv
    for sc in scenes.SCENES:
        name = sc.__name__[6:]
        cases = getattr(scenes, "make_" + name)()
        ref = []
        for c in cases:
            p = reference(c, name)
            ref.append((scenes.empty_score(len(p), c.image.size), len(p)) if not len(c.centres)
                       else scenes.f1(p, c))
        print(f"{name:22s}", "ref", [tuple(np.round(r, 3).tolist()) for r in ref], end=" ", flush=True)
        if not quick:
            print("plm %.2f  log %.2f" % (sc(nothing_tuned_plm)[0], sc(nothing_tuned_log)[0]), end="")
        print(flush=True)
