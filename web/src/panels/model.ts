import type { Client } from '../api/client';
import type { Info, Model } from '../api/types';
import { h } from '../base/dom';
import { open_dialog } from './dialogs';
import { kIcons } from './icons';
import { item } from './item';

/// Which of the server's models, "" where it has only one; null where the dialog is closed.
export async function choose_model(client: Client): Promise<string | null> {
  const { models = [] } = await client.json<Info>('info');
  return models.length > 1 ? choose(models) : '';
}

function choose(models: readonly Model[]): Promise<string | null> {
  return new Promise((resolve) => {
    let chosen: string | null = null;
    open_dialog('Which model?', (close) => [
      h('ul', { class: 'choices' }, ...models.map((model) =>
        item(kIcons.brain, model.name, licence_of(model), () => {
          chosen = model.name;
          close();
        }))),
    ], () => resolve(chosen));
  });
}

function licence_of({ licence, commercial_use }: Model): string {
  return [licence ?? 'licence not stated', commercial_use === false ? 'not for commercial use' : ''].filter(Boolean).join(' · ');
}
