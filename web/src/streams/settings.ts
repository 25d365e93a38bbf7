import type { Client } from '../api/client';
import { describe_error } from '../api/client';
import type { OperatorParameter, Stream, StreamOperator } from '../api/streams';
import { set_parameter } from '../api/streams';
import { h } from '../base/dom';
import { toast } from '../panels/dialogs';

/// What can be changed while a pipeline runs: a switch for each operator, and its parameters.
export function settings_of(client: Client, stream: Stream, types: Map<string, OperatorParameter[]>, changed: (stream: Stream) => void): HTMLElement {
  const send = async (op: string, name: string, value: unknown, field: HTMLElement): Promise<void> => {
    try {
      changed(await set_parameter(client, stream.id, op, name, value));
      field.removeAttribute('aria-invalid');
    } catch (error) {
      field.setAttribute('aria-invalid', 'true');
      toast(describe_error(error), true);
    }
  };
  return h('section', { class: 'box settings' }, h('h2', {}, 'Settings'),
    ...stream.operators.map((op) => operator_settings(op, (types.get(op.type) ?? []).filter(({ fixed }) => !fixed), send)));
}

type Send = (op: string, name: string, value: unknown, field: HTMLElement) => Promise<void>;

function operator_settings(op: StreamOperator, parameters: OperatorParameter[], send: Send): HTMLElement {
  const on: HTMLInputElement = h('input', {
    type: 'checkbox', checked: op.state !== 'off', 'aria-label': `${op.name} runs`, onchange: () => void send(op.name, 'enabled', on.checked, on),
  });
  return h('div', { class: 'part', 'data-settings': op.name },
    h('label', { class: 'choice' }, on, h('strong', {}, op.name)),
    ...parameters.map((parameter) => field_of(op, parameter, send)));
}

function field_of(op: StreamOperator, parameter: OperatorParameter, send: Send): HTMLElement {
  const value = op.parameters[parameter.name];
  const id = `set-${op.name}-${parameter.name}`;
  const label = h('label', { for: id, title: `${parameter.description} (${parameter.kind})` }, parameter.name);
  if (typeof value === 'boolean') {
    const box: HTMLInputElement = h('input', { id, type: 'checkbox', checked: value, onchange: () => void send(op.name, parameter.name, box.checked, box) });
    return h('div', { class: 'setting' }, label, box);
  }
  if (parameter.choices) {
    const select: HTMLSelectElement = h('select', { id, onchange: () => void send(op.name, parameter.name, select.value, select) },
      ...parameter.choices.map((choice) => h('option', { selected: choice === value }, choice)));
    return h('div', { class: 'setting' }, label, select);
  }
  const is_text = typeof value === 'string';
  const field: HTMLInputElement = h('input', {
    id, type: typeof value === 'number' ? 'number' : 'text', step: 'any', value: is_text ? value : JSON.stringify(value),
    onchange: () => {
      try {
        void send(op.name, parameter.name, is_text ? field.value : JSON.parse(field.value), field);
      } catch {
        field.setAttribute('aria-invalid', 'true');
      }
    },
  });
  return h('div', { class: 'setting' }, label, field);
}
