import type { Job, JobState } from '../api/jobs';
import { h } from '../base/dom';

/// What people read of jobs.

const kStates: Readonly<Record<JobState, string>> = {
  queued: 'Waiting', pulling: 'Fetching the model', staging: 'Preparing the scan', running: 'Running', collecting: 'Reading the results',
  done: 'Done', failed: 'Failed', cancelled: 'Cancelled', interrupted: 'Interrupted, runs again',
};
const kSigns: Partial<Record<JobState, string>> = { done: '✓ ', failed: '✕ ', cancelled: '– ' };

export function state_chip({ state }: Job): HTMLElement {
  return h('span', { class: `chip state ${state}` }, `${kSigns[state] ?? ''}${kStates[state] ?? state}`);
}

/// "Place 2 in the queue", "predicting", or nothing where the state says it all.
export function stage_of({ state, place, stage }: Job): string {
  if (place !== null) return place === 1 ? 'Next in the queue' : `Place ${place} in the queue`;
  if (stage === '' || stage === state || stage.toLowerCase() === kStates[state]?.toLowerCase()) return '';
  return stage.charAt(0).toUpperCase() + stage.slice(1);
}

export interface Backend {
  name: string;
  label: string;
  /// What it protects from, and what it needs.
  means: string;
}

export const kBackends: readonly Backend[] = [
  { name: 'native', label: 'Built in', means: 'This program computes the network itself. Nothing of the model is executed: only its numbers are read.' },
  { name: 'podman', label: 'Podman', means: 'In a container without network that sees the scan and nothing else of the server; even its root has no rights outside.' },
  { name: 'docker', label: 'Docker', means: 'In a container without network that sees the scan and nothing else of the server. Docker itself runs as root.' },
  { name: 'apptainer', label: 'Apptainer', means: 'In a container with the rights of who runs the server; it sees the scan and no other files.' },
  { name: 'bubblewrap', label: 'Sandbox', means: 'In a sandbox of the Linux kernel without network and without a container engine; it sees the scan and no other files.' },
  { name: 'runc', label: 'runc', means: 'In a container without network and without an engine; it sees the scan and no other files.' },
];

export function backend_label(name: string): string {
  return kBackends.find((backend) => backend.name === name)?.label ?? name;
}

/// "3 min 12 s"
export function duration(from: string | null, to: string | null): string {
  if (!from) return '';
  const seconds = Math.max(0, Math.round(((to ? Date.parse(to) : Date.now()) - Date.parse(from)) / 1000));
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
