"""Turns label crops into images: a random scanner."""
import numpy as np
from scipy import ndimage

from .synthetic import HEAD, smooth_noise

PRESETS = {
    "t1": dict(scalp=2.6, skull=0.2, diploe=1.2, csf=0.35, grey=1.3, white=1.9, ventricle=0.35, nucleus=1.5, air=0.05,
               eye=0.5, muscle=1.0, lesion=1.1),
    "t2": dict(scalp=1.8, skull=0.2, diploe=0.7, csf=2.8, grey=1.5, white=1.1, ventricle=2.8, nucleus=1.2, air=0.05,
               eye=2.6, muscle=0.7, lesion=1.9),
    "flair": dict(scalp=1.8, skull=0.2, diploe=0.7, csf=0.4, grey=1.7, white=1.4, ventricle=0.4, nucleus=1.5, air=0.05,
                  eye=0.5, muscle=0.8, lesion=2.4),
    "ct": dict(scalp=0.92, skull=2.4, diploe=1.7, csf=1.0, grey=1.04, white=1.03, ventricle=1.0, nucleus=1.04, air=0.0,
               eye=1.01, muscle=1.05, lesion=1.07),
}


def means(rng: np.random.Generator, is_head: bool) -> np.ndarray:
    """A mean intensity for each of 256 labels; label 0 is air or a dark background."""
    value = rng.uniform(0.3, 2.5, 256)
    value[0] = rng.choice([0.0, 0.0, 0.0, rng.uniform(0, 2.5)])
    if is_head and rng.random() < 0.7:
        preset = PRESETS[rng.choice(list(PRESETS), p=[0.37, 0.13, 0.13, 0.37])]
        for name, mean in preset.items():
            value[HEAD[name]] = mean * rng.uniform(0.85, 1.15) + rng.normal() * 0.03
        value[0] = 0.0
    elif rng.random() < 0.4:
        soft = 1 + rng.normal(size=256) * rng.uniform(0.03, 0.15)
        value = np.where(rng.random(256) < 0.7, soft, rng.choice([0.3, 0.85, 2.0, 2.6], 256))
        value[0] = 0.0
    return value.astype(np.float32)


def paint(rng: np.random.Generator, labels: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Label means with texture, partial volume, a bias field and noise."""
    image = mean[labels]
    shape = labels.shape
    if rng.random() < 0.6:
        texture = smooth_noise(rng, shape, rng.uniform(8, 40))
        amount = rng.uniform(0, 0.25, 256).astype(np.float32) * (rng.random(256) < 0.7)
        image = image + texture * amount[labels]
    if rng.random() < 0.85:
        image = ndimage.gaussian_filter(image, rng.uniform(0.3, 1.0))
    if rng.random() < 0.4:
        image = image * (1 + rng.uniform(0.05, 0.25) * smooth_noise(rng, shape, rng.uniform(2, 3.5)))
    spread = rng.uniform(0.0, 0.12)
    if rng.random() < 0.15:
        return image * np.exp(rng.uniform(0.1, 0.4) * rng.standard_normal(shape, np.float32))
    return image + spread * rng.standard_normal(shape, np.float32)


def disturb(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Intensity augmentation of a normalised crop."""
    if rng.random() < 0.3:
        low, high = image.min(), image.max()
        image = ((image - low) / (high - low + 1e-6)) ** np.float32(np.exp(rng.uniform(-0.5, 0.5))) * (high - low) + low
    if rng.random() < 0.1:
        image = -image
    if rng.random() < 0.25:
        image = image + rng.uniform(0, 0.15) * rng.standard_normal(image.shape, np.float32)
    if rng.random() < 0.15:
        image = ndimage.gaussian_filter(image, rng.uniform(0.3, 0.9))
    return (image * np.exp(rng.normal() * 0.2) + rng.normal() * 0.2).astype(np.float32)
