import type { Filters } from '../api/hub';

/// The catalogue in the page's address: #page=models&search=kidney&modality=CT, or #page=models&model=NAME&source=mhub.
export interface ModelsAddress {
  model: string | null;
  /// Of the model, where it is in several.
  source: string | null;
  filters: Filters;
}

const kNames = ['search', 'modality', 'body_part', 'structure', 'licence', 'engine', 'source'] as const;

export function read_address(parameters: URLSearchParams): ModelsAddress {
  const filters = Object.fromEntries(kNames.map((name) => [name, parameters.get(name) ?? ''])) as unknown as Filters;
  return { model: parameters.get('model'), source: parameters.get('source'), filters };
}

export function list_address(filters: Filters): string {
  const parameters = new URLSearchParams({ page: 'models' });
  for (const name of kNames) if (filters[name]) parameters.set(name, filters[name]);
  return `#${parameters}`;
}

export function model_address(name: string, source: string): string {
  return `#${new URLSearchParams({ page: 'models', model: name, source })}`;
}
