import type { Client } from '../api/client';
import { list_address, read_address } from './address';
import { catalogue_view } from './catalogue';
import { model_view } from './model_card';

/// The page of models: the catalogue, or the model that the address names. A model's way back leads to the list as it was.
export function models_page(client: Client): (parameters: URLSearchParams) => HTMLElement {
  let list = '#page=models';
  return (parameters) => {
    const { model, source, filters } = read_address(parameters);
    if (model !== null) return model_view(client, model, source, list);
    list = list_address(filters);
    return catalogue_view(client, filters, (now) => {
      list = list_address(now);
      history.replaceState(null, '', list);
    });
  };
}
