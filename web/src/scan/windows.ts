import type { Scan } from './scan';

/// Values shown black and white.
export interface Window {
  low: number;
  high: number;
}

export interface Preset {
  name: string;
  window: Window;
}

function around(level: number, width: number): Window {
  return { low: level - width / 2, high: level + width / 2 };
}

const kCt: Preset[] = [
  { name: 'Soft tissue', window: around(40, 400) },
  { name: 'Lung', window: around(-600, 1500) },
  { name: 'Bone', window: around(400, 1800) },
  { name: 'Brain', window: around(40, 80) },
  { name: 'Liver', window: around(80, 160) },
  { name: 'Angiography', window: around(300, 600) },
];

/// Presets by modality, the first of them for the start. CT values mean the same everywhere; others are windowed by
/// what the image holds.
export function presets_of(scan: Scan): Preset[] {
  const { low, high, percentile } = statistics(scan);
  const full = { name: 'Full range', window: { low, high } };
  if (is_ct(scan, low, high)) return [...kCt, full];
  const dark = percentile(0.01);
  const bright = percentile(0.995);
  const pet = scan.modality === 'PT';
  const presets = [
    { name: 'Automatic', window: { low: pet ? Math.min(0, dark) : dark, high: bright } },
    { name: 'Brighter', window: { low: dark, high: dark + (bright - dark) * 0.5 } },
    { name: 'Darker', window: { low: dark, high: dark + (bright - dark) * 1.6 } },
    full,
  ];
  return presets.map(({ name, window }) => ({ name, window: widened(window) }));
}

function widened(window: Window): Window {
  return window.high > window.low ? window : { low: window.low, high: window.low + 1 };
}

function is_ct(scan: Scan, low: number, high: number): boolean {
  if (scan.modality) return scan.modality === 'CT';
  return low <= -500 && low >= -8192 && high > 200 && high < 40000;
}

/// Of a hundred thousand voxels: enough for a window.
function statistics(scan: Scan): { low: number; high: number; percentile: (share: number) => number } {
  const step = Math.max(1, Math.floor(scan.voxels.length / 100_000)) | 1;
  const values: number[] = [];
  for (let at = 0; at < scan.voxels.length; at += step) {
    const value = scan.voxels[at]! * scan.slope + scan.intercept;
    if (Number.isFinite(value)) values.push(value);
  }
  const sorted = Float64Array.from(values).sort();
  const percentile = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { low: percentile(0), high: percentile(1), percentile };
}
