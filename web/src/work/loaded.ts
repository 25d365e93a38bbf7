import type { Session } from '../api/types';

/// The scan that this tab last showed: its session, and what the server calls the image.
export interface LoadedScan {
  session: string;
  volume: string;
  series: string | null;
  name: string;
  modality: string | null;
}

const kName = 'sagittal.loaded';

export function remember_loaded({ id, volume, series, name }: Session, modality: string | null): void {
  sessionStorage.setItem(kName, JSON.stringify({ session: id, volume, series, name, modality } satisfies LoadedScan));
}

export function loaded_scan(): LoadedScan | null {
  return JSON.parse(sessionStorage.getItem(kName) ?? 'null') as LoadedScan | null;
}
