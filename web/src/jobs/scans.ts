import type { Client } from '../api/client';
import type { ScanReference } from '../api/jobs';
import type { Study, Volume } from '../api/types';
import { loaded_scan } from '../work/loaded';

export const kLoaded = 'Loaded scan';

/// A scan that a model can be run on.
export interface Scan {
  key: string;
  name: string;
  modality: string | null;
  /// As a RunInput accepts it: "dicom", "nifti", …
  format: string;
  reference: ScanReference;
}

export interface ScanGroup {
  label: string;
  scans: Scan[];
}

/// All that this server offers: the loaded one first, then files that were sent, then its studies.
export async function find_scans(client: Client): Promise<ScanGroup[]> {
  const [{ volumes }, { studies }] = await Promise.all([
    client.json<{ volumes: Volume[] }>('volumes'),
    client.json<{ studies: Study[] }>('studies').catch(() => ({ studies: [] as Study[] })), // without them the rest still serves
  ]);
  const loaded = loaded_scan();
  const is_loaded = (reference: ScanReference): boolean => loaded !== null && reference.volume === loaded.volume && (reference.series ?? null) === loaded.series;
  const sent = volumes.flatMap(scans_of);
  const first = sent.filter(({ reference }) => is_loaded(reference));
  const groups = [
    { label: kLoaded, scans: first },
    { label: 'Files you sent', scans: sent.filter(({ reference }) => !is_loaded(reference)) },
    { label: 'Scans on this server', scans: studies.map(({ id, name, modality, series }) => ({ key: `study ${id}`, name, modality, format: series ? 'dicom' : 'nrrd', reference: { series: id } })) },
  ];
  return groups.filter(({ scans }) => scans.length > 0);
}

function scans_of({ id, name, modality, format, series }: Volume): Scan[] {
  const accepted = format_of(format);
  if (!series || series.length < 2) return [{ key: id, name, modality, format: accepted, reference: { volume: id } }];
  return series.map(({ uid, description, modality: own }) => ({
    key: `${id} ${uid}`, name: `${name}: ${description || 'series without a name'}`, modality: own ?? modality, format: accepted, reference: { volume: id, series: uid },
  }));
}

/// "NIfTI-1" is "nifti".
function format_of(format: string): string {
  return format.toLowerCase().match(/^[a-z]+/)?.[0] ?? '';
}
