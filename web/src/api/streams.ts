import type { Client } from './client';
import { follow } from './events';

/// Live pipelines of the server's machine (docs/api.md).

export interface Durations {
  count: number;
  mean_ms: number;
  p50_ms: number;
  p99_ms: number;
  max_ms: number;
}

export interface StreamOperator {
  name: string;
  type: string;
  state: 'running' | 'waiting' | 'off' | 'done';
  runs: number;
  errors: number;
  last_error: string | null;
  compute: Durations;
  counters: Record<string, unknown>;
  parameters: Record<string, unknown>;
}

export interface StreamFlow {
  /// "camera.out -> resize.in"
  flow: string;
  type: string;
  capacity: number;
  when_full: string;
  sent: number;
  taken: number;
  dropped: number;
  waiting: number;
}

export interface StreamSummary {
  id: string;
  pipeline: string;
  title: string;
  started: string;
  /// "running", or how it ended.
  state: string;
  ended: boolean;
  why: string | null;
  elapsed_s: number;
}

export interface Stream extends StreamSummary {
  operators: StreamOperator[];
  flows: StreamFlow[];
  paths: { path: string; messages: number; latency: Durations }[];
  log: string[];
}

export interface Pipeline {
  name: string;
  title: string;
  description: string;
  problem: string | null;
}

export interface OperatorParameter {
  name: string;
  description: string;
  kind: string;
  choices: string[] | null;
  fixed: boolean;
}

export function list_streams(client: Client): Promise<{ streams: StreamSummary[]; pipelines: Pipeline[] }> {
  return client.json('streams', { query: { operators: false } });
}

export function start_stream(client: Client, pipeline: string): Promise<Stream> {
  return client.json<Stream>('streams', { json: { pipeline } });
}

export function read_stream(client: Client, id: string): Promise<Stream> {
  return client.json<Stream>(path_of(id));
}

/// Stops a pipeline and forgets it.
export async function delete_stream(client: Client, id: string): Promise<void> {
  await client.call(path_of(id), { method: 'DELETE' });
}

export function set_parameter(client: Client, id: string, operator: string, name: string, value: unknown): Promise<Stream> {
  return client.json<Stream>(`${path_of(id)}/parameters`, { method: 'PATCH', json: { [operator]: { [name]: value } } });
}

/// The last frame of a flow as a picture.
export async function read_picture(client: Client, id: string, flow: number): Promise<Blob> {
  return (await client.call(`${path_of(id)}/picture`, { query: { flow } })).blob();
}

/// What can be set of each type of operators.
export async function parameters_of_types(client: Client): Promise<Map<string, OperatorParameter[]>> {
  const { operators } = await client.json<{ operators: { name: string; parameters: OperatorParameter[] }[] }>('streams/operators');
  return new Map(operators.map(({ name, parameters }) => [name, parameters]));
}

/// Follows a pipeline until `stop`; null when it is over.
export function follow_stream(client: Client, id: string, on_change: (stream: Stream | null) => void): { stop: () => void } {
  return follow(client, `${path_of(id)}/events`, (message) => {
    if ((message as { type?: string }).type === 'closed') on_change(null);
    else on_change(message as Stream);
  });
}

function path_of(id: string): string {
  return `streams/${encodeURIComponent(id)}`;
}
