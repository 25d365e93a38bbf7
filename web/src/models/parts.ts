import type { Licence, Structure } from '../api/hub';
import { h } from '../base/dom';

/// Pieces of both views of the catalogue. Whatever comes from a card is shown as text.

export const kEngines: Readonly<Record<string, string>> = {
  nnunet_v1: 'nnU-Net v1',
  nnunet_v2: 'nnU-Net v2',
  totalsegmentator: 'TotalSegmentator',
  nninteractive: 'nnInteractive',
  other: 'Other engine',
  unknown: 'Engine not stated',
};

export const kSources: Readonly<Record<string, string>> = { mhub: 'MHub', local: 'This server' };

export const kModalities: Readonly<Record<string, string>> = {
  CT: 'CT', MR: 'MR', PT: 'PET', US: 'Ultrasound', CR: 'Radiograph (CR)', DX: 'Radiograph (DX)', SM: 'Slide microscopy', SEG: 'Segmentation',
};

export function label_of(table: Readonly<Record<string, string>>, key: string): string {
  return Object.hasOwn(table, key) ? table[key]! : key;
}

export function chip(text: string, kind = ''): HTMLElement {
  return h('span', { class: `chip ${kind}` }, text);
}

/// What the weights may be used for, in words and with a sign, not by colour alone.
export function licence_chip({ weights, commercial_use }: Licence): HTMLElement {
  if (commercial_use === null) return chip(weights ? `${weights}: use not stated` : 'Licence not stated', 'unclear');
  return commercial_use ? chip(weights ?? 'Commercial use', 'free') : chip(weights ? `${weights}: non-commercial` : 'Non-commercial', 'limited');
}

/// A square of the structure's colour; a colour that is none is grey.
export function swatch({ colour }: Structure): HTMLElement {
  return h('span', { class: 'swatch', style: { background: /^#[0-9a-f]{6}$/i.test(colour) ? colour : '#808080' }, 'aria-hidden': 'true' });
}

/// A link to another site, followed by a person only; text where it is no web address.
export function outer_link(label: string, uri: string | null): Node {
  const address = web_address(uri);
  if (!address) return document.createTextNode(label);
  const link = h('a', { href: address.href, rel: 'noopener noreferrer', target: '_blank' }, label);
  return h('span', { class: 'outer' }, link, label.includes(address.hostname) ? null : h('small', {}, ` ${address.hostname}`));
}

export function web_address(uri: string | null): URL | null {
  if (!uri || !URL.canParse(uri)) return null;
  const address = new URL(uri);
  return address.protocol === 'https:' || address.protocol === 'http:' ? address : null;
}
