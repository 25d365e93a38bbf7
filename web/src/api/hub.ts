import type { Client } from './client';
import type { Terms } from './jobs';

/// The catalogue of models (docs/api.md). All texts are strangers'.

export interface Code {
  value: string;
  scheme: string;
  meaning: string;
}

export interface Structure {
  id: string;
  name: string;
  colour: string;
}

export interface Licence {
  code: string | null;
  weights: string | null;
  /// Of the weights; null: not stated.
  commercial_use: boolean | null;
}

interface Common {
  name: string;
  source: 'mhub' | 'local';
  title: string;
  version: string | null;
  summary: string | null;
  kind: string;
  engine: string;
  modalities: string[];
  body_parts: string[];
  structures: Structure[];
}

export interface Entry extends Common {
  inputs: number;
  licence: Licence;
}

export interface Catalogue {
  models: Entry[];
  /// Before filters.
  total: number;
  /// Null: nobody has filled the catalogue yet.
  synced: { time: string; from: string; models: number } | null;
}

export interface Input {
  label: string | null;
  description: string | null;
  format: string | null;
  modalities: string[];
  body_part: string | null;
  slice_thickness: string | null;
  contrast: boolean | null;
  non_contrast: boolean | null;
}

export interface OutputStructure extends Structure {
  /// The number in the result; null: known only from the file that is written.
  label: number | null;
  category: Code | null;
  type: Code | null;
  modifier: Code | null;
  region: Code | null;
  region_modifier: Code | null;
}

export interface Output {
  type: string;
  label: string | null;
  description: string | null;
  value_type: string | null;
  structures: OutputStructure[];
}

export interface Link {
  label: string;
  uri: string | null;
}

export interface Section {
  key: string;
  title: string;
  text: string | null;
  tables: { label: string | null; entries: [string, string][] }[];
  references: Link[];
}

export interface Card extends Common {
  authors: string[];
  team: string | null;
  citation: string | null;
  publications: { title: string; uri: string | null }[];
  links: { page: string | null; code: string | null; weights: string | null; notebook: string | null };
  dates: { code: string | null; weights: string | null; published: string | null };
  licence: Licence & { code_text: string | null; weights_text: string | null };
  inputs: Input[];
  outputs: Output[];
  network: { architecture: string | null; training: string | null; approach: string | null };
  training_volumes: number | null;
  evaluation_volumes: number | null;
  sections: Section[];
  figures: { title: string; uri: string }[];
  image: { name: string; tag: string | null; digest: string | null } | null;
  /// The default one first.
  workflows: { name: string; description: string | null }[];
  folder: string | null;
  warnings: string[];
}

/// Empty texts do not filter.
export interface Filters {
  search: string;
  modality: string;
  body_part: string;
  structure: string;
  licence: string;
  engine: string;
  source: string;
}

export function search_models(client: Client, filters: Partial<Filters>, signal?: AbortSignal): Promise<Catalogue> {
  const query = Object.fromEntries(Object.entries(filters).filter(([, text]) => text));
  return client.json<Catalogue>('hub/models', { query, signal });
}

export function read_model(client: Client, name: string, source: string | null): Promise<Card> {
  return client.json<Card>(`hub/models/${encodeURIComponent(name)}`, { query: { source: source ?? undefined } });
}

/// One thing that a run is given.
export interface RunInput {
  /// Empty: the only one.
  role: string;
  /// segmentation and structures refer to the images; image: of any format.
  kind: 'series' | 'segmentation' | 'structures' | 'file' | 'image';
  /// Empty: any, or not told.
  modalities: string[];
  accepts: string[];
  description: string;
}

/// What a workflow of a model reads, and what has to be accepted before.
export interface RunInputs {
  workflow: string;
  inputs: RunInput[];
  /// Whether images that are no DICOM are taken.
  volumes: { accepted: boolean; reason: string | null };
  licence: Terms | null;
}

export interface BackendState {
  name: string;
  available: boolean;
  reason: string | null;
  mend: string | null;
}

export interface Backends {
  backends: BackendState[];
  /// What runs an image where none is chosen.
  best: string | null;
  on: BackendState[];
}

/// `workflow` empty: the default one.
export function read_inputs(client: Client, { name, source }: Common, workflow: string): Promise<RunInputs> {
  return client.json<RunInputs>(`hub/models/${encodeURIComponent(name)}/inputs`, { query: { source, workflow: workflow || undefined } });
}

/// What this server runs models with.
export function read_backends(client: Client): Promise<Backends> {
  return client.json<Backends>('hub/backends');
}
