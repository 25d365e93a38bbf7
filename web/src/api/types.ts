/// What the native API sends (docs/api.md). Voxels are i, j, k with i fastest; bounds and boxes are half-open; world is LPS, mm.

export type Index3 = [number, number, number];
export type Bounds = [[number, number], [number, number], [number, number]];

export interface Geometry {
  shape: Index3;
  spacing_mm: Index3;
  origin_lps_mm: Index3;
  direction: number[]; // 3 x 3, row-major; columns are the voxel axes
}

export interface Series {
  uid: string;
  description: string;
  modality?: string | null;
  shape: Index3;
}

export interface Volume {
  id: string;
  name: string;
  format: string;
  bytes: number;
  modality: string | null;
  geometry: Geometry;
  type: string;
  range: [number, number];
  frames: number;
  series?: Series[];
}

export interface Study {
  id: string;
  name: string;
  source: 'example' | 'folder' | 'dicomweb';
  modality: string | null;
  detail: string | null;
  /// Of DICOM; null: it is a file of another format.
  series: string | null;
}

/// Of the server: its version, and the parts that not every server has.
export interface Info {
  version: string;
  /// That sessions can be opened with, the default first.
  models?: Model[];
  parts?: string[];
  hub?: { models: number; synced: string | null };
  /// Null where models can be found only.
  jobs?: object | null;
}

export interface Model {
  name: string;
  licence: string | null;
  /// Null where the licence's words do not tell.
  commercial_use: boolean | null;
}

export interface Term {
  id: string;
  name: string;
  colour: string;
  type?: { value: string; scheme: string; meaning: string };
}

export interface Segment {
  number: number;
  name: string;
  colour: string;
  term: Term | null;
  voxels: number;
  volume_ml: number;
  bounds: Bounds;
  prompts: number;
  can_undo: boolean;
  can_redo: boolean;
  revision: number;
}

export interface Session {
  id: string;
  volume: string;
  /// Of the volume.
  name: string;
  series: string | null;
  model: string;
  /// Of a list: false where the server does not have the model any more.
  model_available?: boolean;
  geometry: Geometry;
  shared: boolean;
  revision: number;
  segments: Segment[];
  prompts: Record<string, unknown>;
  created: string;
}

export interface Reply {
  request?: string;
  revision: number;
  bounds: Bounds;
  voxels: number;
  volume_ml: number;
  can_undo: boolean;
  can_redo: boolean;
  seconds?: number;
}

export type Prompt =
  | { type: 'point'; ijk: Index3; include: boolean }
  | { type: 'box'; ijk0: Index3; ijk1: Index3; include: boolean }
  | { type: 'scribble' | 'lasso'; bounds: Bounds; mask: string; include: boolean }
  | { type: 'init'; mask: string; predict?: boolean }
  | { type: 'undo' };

export type SessionEvent =
  | { type: 'hello'; revision: number }
  | { type: 'progress'; segment: number; request: string; stage: string; fraction: number }
  | ({ type: 'mask'; segment: number; request: string; coarse: boolean; mask: string } & Reply)
  | { type: 'segments'; segments: Segment[] }
  | { type: 'error'; segment: number; request: string; error: { code: string; message: string } }
  | { type: 'closed' };

export type MaskFormat = 'nii.gz' | 'nrrd' | 'seg.dcm' | 'stl';
