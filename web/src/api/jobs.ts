import type { Client } from './client';
import { follow } from './events';
import type { Code } from './hub';
import type { Segment } from './types';

/// Runs of models (docs/api.md). All texts are strangers'.

export type JobState = 'queued' | 'pulling' | 'staging' | 'running' | 'collecting' | 'done' | 'failed' | 'cancelled' | 'interrupted';

export interface JobInput {
  role: string;
  description: string;
  /// As they were posted; null where the job was made elsewhere.
  volume?: string | null;
  series?: string | null;
}

export interface OutputSegment {
  number: number;
  name: string;
  id: string;
  colour: [number, number, number];
  codes: Partial<Record<'category' | 'type' | 'modifier' | 'region' | 'region_modifier', Code | null>> | null;
  volume_ml: number;
}

export interface JobOutput {
  path: string;
  kind: 'segmentation' | 'table' | 'json' | 'image' | 'file';
  bytes: number | null;
  segments: OutputSegment[];
}

export interface Job {
  id: string;
  model: string;
  title: string;
  source: string;
  workflow: string;
  backend: string;
  on: string;
  state: JobState;
  stage: string;
  /// Of the stage.
  fraction: number;
  /// In the queue, from 1.
  place: number | null;
  created: string;
  started: string | null;
  ended: string | null;
  notes: string[];
  error: { code: string; message: string } | null;
  outputs: JobOutput[];
  bytes: number;
  inputs: JobInput[];
  /// Of one job that has ended.
  record?: Record<string, unknown> | null;
}

/// A scan as the server finds it: a volume, one series of it, or with `series` alone a scan of its studies.
export interface ScanReference {
  volume?: string;
  series?: string;
}

export interface NewJob {
  model: string;
  source: string;
  workflow?: string;
  backend?: string;
  on?: string;
  inputs: (ScanReference & { role?: string })[];
  accept_licence?: boolean;
}

/// What a person agrees to: in the details of an error "licence_not_accepted".
export interface Terms {
  id: string;
  text: string;
  commercial_use: boolean | null;
}

export function has_ended({ state }: Job): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled';
}

export function start_job(client: Client, job: NewJob): Promise<Job> {
  return client.json<Job>('jobs', { json: job });
}

export async function list_jobs(client: Client): Promise<Job[]> {
  return (await client.json<{ jobs: Job[] }>('jobs')).jobs;
}

export function read_job(client: Client, id: string): Promise<Job> {
  return client.json<Job>(path_of(id));
}

/// Stops a job, or removes one that has ended with its files.
export async function delete_job(client: Client, id: string): Promise<void> {
  await client.call(path_of(id), { method: 'DELETE' });
}

/// What was said since byte `from`.
export async function read_log(client: Client, id: string, from: number): Promise<ArrayBuffer> {
  return (await client.call(`${path_of(id)}/logs`, { query: { from } })).arrayBuffer();
}

export async function read_output(client: Client, id: string, path: string): Promise<Blob> {
  return (await client.call(`${path_of(id)}/outputs/${path.split('/').map(encodeURIComponent).join('/')}`)).blob();
}

/// The segments of a result become segments of a session; what they are called and look like is kept.
export async function import_segments(client: Client, session: string, job: string, path: string): Promise<Segment[]> {
  return (await client.json<{ segments: Segment[] }>(`sessions/${session}/segments/import`, { json: { job, path } })).segments;
}

/// Follows a job until `stop`; `on_change` sees it first as it is, then at each change, and null when it is over.
export function follow_job(client: Client, id: string, on_change: (job: Job | null) => void): { stop: () => void } {
  return follow(client, `${path_of(id)}/events`, (message) => {
    const { state, type } = message as { state?: string; type?: string };
    if (state !== undefined) on_change(message as Job);
    else if (type === 'closed') on_change(null);
  });
}

function path_of(id: string): string {
  return `jobs/${encodeURIComponent(id)}`;
}
