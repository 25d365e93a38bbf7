import type { Stream, StreamFlow, StreamOperator } from '../api/streams';
import { rate_text, time_text } from './words';

const kBoxWidth = 168;
const kBoxHeight = 62;
const kColumnGap = 56;
const kRowGap = 22;
const kMargin = 6;

interface Ends {
  from: string;
  to: string;
}

/// "camera.out -> resize.in" as the names of its operators.
export function ends_of({ flow }: StreamFlow): Ends {
  const [from = '', to = ''] = flow.split(' -> ');
  return { from: from.split('.')[0]!, to: to.split('.')[0]! };
}

/// The column of each operator: one further than the furthest that sends to it. Circles are cut where they close.
function columns_of(stream: Stream): Map<string, number> {
  const columns = new Map(stream.operators.map(({ name }) => [name, 0]));
  const ends = stream.flows.map(ends_of);
  for (let round = 0; round < stream.operators.length; round += 1) {
    let changed = false;
    for (const { from, to } of ends) {
      const next = (columns.get(from) ?? 0) + 1;
      if (from !== to && next > (columns.get(to) ?? 0) && next < stream.operators.length) {
        columns.set(to, next);
        changed = true;
      }
    }
    if (!changed) break;
  }
  return columns;
}

function svg<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Record<string, string | number>, ...children: (Node | string)[]): SVGElementTagNameMap[K] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/// Operators and flows of a pipeline, each with what it does in a second. `before` is an earlier state, `seconds` ago.
export function graph_of(stream: Stream, before: Stream | null, seconds: number): SVGSVGElement {
  const columns = columns_of(stream);
  const rows = new Map<number, number>();
  const places = new Map<string, { x: number; y: number }>();
  for (const { name } of stream.operators) {
    const column = columns.get(name)!;
    const row = rows.get(column) ?? 0;
    rows.set(column, row + 1);
    places.set(name, { x: kMargin + column * (kBoxWidth + kColumnGap), y: kMargin + row * (kBoxHeight + kRowGap) });
  }
  const width = kMargin * 2 + Math.max(...rows.keys()) * (kBoxWidth + kColumnGap) + kBoxWidth;
  const height = kMargin * 2 + Math.max(...rows.values()) * (kBoxHeight + kRowGap) - kRowGap;
  const picture = svg('svg', { class: 'graph', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': 'Operators and flows' });
  stream.flows.forEach((flow) => {
    const { from, to } = ends_of(flow);
    const a = places.get(from);
    const b = places.get(to);
    if (a && b) picture.append(...edge_of(flow, a, b));
  });
  stream.operators.forEach((op) => {
    const old = before?.operators.find(({ name }) => name === op.name);
    const rate = old && seconds > 0 ? (op.runs - old.runs) / seconds : op.runs / Math.max(stream.elapsed_s, 1e-3);
    picture.append(box_of(op, places.get(op.name)!, rate));
  });
  return picture;
}

function edge_of(flow: StreamFlow, a: { x: number; y: number }, b: { x: number; y: number }): SVGElement[] {
  const [x0, y0] = [a.x + kBoxWidth, a.y + kBoxHeight / 2];
  const [x1, y1] = [b.x, b.y + kBoxHeight / 2];
  const bend = Math.max(28, Math.abs(x1 - x0) / 2);
  const line = svg('path', { d: `M${x0} ${y0}C${x0 + bend} ${y0} ${x1 - bend} ${y1} ${x1} ${y1}`, class: flow.dropped > 0 ? 'edge drops' : 'edge' },
    svg('title', {}, `${flow.flow}: ${flow.sent} sent, ${flow.dropped} dropped, ${flow.waiting} waiting; ${flow.when_full} when full`));
  if (flow.dropped === 0) return [line];
  return [line, svg('text', { x: (x0 + x1) / 2, y: (y0 + y1) / 2 - 6, class: 'drops', 'text-anchor': 'middle' }, `${flow.dropped} dropped`)];
}

function box_of(op: StreamOperator, { x, y }: { x: number; y: number }, rate: number): SVGElement {
  const line = op.state === 'off' ? 'switched off' : op.state === 'done' ? `done after ${op.runs}` : `${rate_text(rate)} · ${time_text(op.compute.p50_ms)}`;
  return svg('g', { class: `operator ${op.state}${op.errors > 0 ? ' errors' : ''}`, 'data-operator': op.name },
    svg('title', {}, `${op.name} (${op.type}): p99 ${time_text(op.compute.p99_ms)}, longest ${time_text(op.compute.max_ms)}${op.last_error ? `; ${op.last_error}` : ''}`),
    svg('rect', { x, y, width: kBoxWidth, height: kBoxHeight, rx: 9 }),
    svg('text', { x: x + 12, y: y + 22, class: 'name' }, shortened(op.name, 20)),
    svg('text', { x: x + 12, y: y + 38, class: 'type' }, shortened(op.type, 24)),
    svg('text', { x: x + 12, y: y + 53, class: 'numbers' }, op.errors > 0 ? `${line} · ${op.errors} errors` : line));
}
