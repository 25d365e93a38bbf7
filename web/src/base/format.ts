const kUnits = ['B', 'kB', 'MB', 'GB'];

export function format_bytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit + 1 < kUnits.length) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${kUnits[unit]}`;
}

export function format_millilitres(ml: number): string {
  if (ml === 0) return '0 ml';
  if (ml < 0.1) return `${ml.toFixed(3)} ml`;
  return ml < 10 ? `${ml.toFixed(2)} ml` : ml < 100 ? `${ml.toFixed(1)} ml` : `${Math.round(ml)} ml`;
}

/// "Sat 20:45", in this computer's time.
export function format_moment(iso: string): string {
  const moment = new Date(iso);
  return Number.isNaN(moment.getTime()) ? '' : moment.toLocaleString('en-GB', { weekday: 'short', hour: '2-digit', minute: '2-digit' });
}

/// "21 Nov 2026"
export function format_day(iso: string): string {
  const moment = new Date(iso);
  return Number.isNaN(moment.getTime()) ? iso : moment.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
}

/// A name for a file out of any text.
export function file_stem(text: string): string {
  const stem = text.replace(/\.(nii|nrrd|mha|mhd|zip|dcm|npy|gz)/gi, '').replace(/[^\p{L}\p{N}._-]+/gu, '_');
  return stem.replace(/^[._]+|[._]+$/g, '').slice(0, 80) || 'segmentation';
}
