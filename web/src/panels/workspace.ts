import type { Client } from '../api/client';
import type { Prompt } from '../api/types';
import { h } from '../base/dom';
import { planes_of } from '../scan/planes';
import type { Preset } from '../scan/windows';
import { presets_of } from '../scan/windows';
import { Gestures } from '../tools/gestures';
import { Scene3d } from '../view/scene_3d';
import { SliceView } from '../view/slice_view';
import { ViewState } from '../work/view_state';
import type { Panel } from '../work/view_state';
import type { Work } from '../work/work';
import { display_panel } from './display';
import { segments_panel } from './segments';
import { status_bar } from './status';
import { toolbar } from './toolbar';

/// The page with a scan: tools, planes, segments.
export class Workspace {
  readonly root: HTMLElement;
  readonly state = new ViewState();
  readonly presets: readonly Preset[];
  readonly gestures: Gestures[];
  private readonly slices: SliceView[];
  private readonly endings: (() => void)[] = [];

  constructor(
    client: Client,
    readonly work: Work,
    start_from_mask: () => void,
  ) {
    const { geometry } = work.scan;
    this.presets = presets_of(work.scan);
    this.state.window.set(this.presets[0]!.window);
    this.state.cursor.set([Math.floor(geometry.shape[0] / 2), Math.floor(geometry.shape[1] / 2), Math.floor(geometry.shape[2] / 2)]);
    this.state.brush_diameter.set(brush_for(geometry.spacing_mm));
    const planes = planes_of(geometry);
    const status = status_bar(client, work, this.state);
    this.slices = [planes.axial, planes.sagittal, planes.coronal].map((plane) => new SliceView(plane, work, this.state, () => this.toggle_maximised(plane.name)));
    const give = (prompt: Prompt): void => {
      if (prompt.type === 'point') this.state.cursor.set(prompt.ijk); // all planes show what it made
      void work.prompt(prompt);
    };
    this.gestures = this.slices.map((view) => new Gestures(view, this.state, give, (over, spot) => status.hover(spot && over.voxel(spot))));
    const scene = new Scene3d(work, this.state, () => this.toggle_maximised('3d'));
    const views = h('div', { class: 'views' }, this.slices[0]!.root, this.slices[1]!.root, this.slices[2]!.root, scene.root);
    const tools = toolbar(work, this.state, () => this.reset_segment());
    const segments = segments_panel(client, work, this.state, start_from_mask);
    const display = display_panel(this.state, this.presets, () => this.fit());
    this.root = h('div', { class: 'workspace' }, tools.root, h('div', { class: 'middle' }, views, status.root), h('aside', { class: 'side' }, segments.root, display.root));
    this.endings.push(
      tools.stop, segments.stop, display.stop, status.stop, () => scene.stop(), () => this.slices.forEach((view) => view.stop()),
      work.active.watch(() => this.state.positive.set(true)),
      this.state.maximised.watch((panel) => (views.dataset['only'] = panel ?? '')),
    );
    const flat = (['sagittal', 'coronal', 'axial'] as const).find((name) => geometry.shape[planes[name].n]! === 1);
    if (flat) this.state.maximised.set(flat);
  }

  stop(): void {
    this.work.stop();
    for (const end of this.endings) end();
  }

  fit(): void {
    for (const view of this.slices) view.fit();
  }

  zoom(factor: number): void {
    for (const view of this.slices) view.zoom_at_cursor(factor);
  }

  /// As in the 3D Slicer extension, a segment begins with positive prompts.
  reset_segment(): void {
    this.state.positive.set(true);
    void this.work.step('reset');
  }

  next_window(): void {
    const at = this.presets.findIndex(({ window }) => window === this.state.window.value);
    this.state.window.set(this.presets[(at + 1) % this.presets.length]!.window);
  }

  toggle_maximised(panel: Panel): void {
    this.state.maximised.set(this.state.maximised.value === panel ? null : panel);
  }
}

/// About three voxels, whole or half millimetres.
function brush_for(spacing: readonly number[]): number {
  const middle = [...spacing].sort((a, b) => a - b)[1]!;
  return Math.min(40, Math.max(1, Math.round(2 * 3 * middle) / 2));
}
