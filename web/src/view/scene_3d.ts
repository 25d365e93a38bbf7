import type { Niivue, NVMesh } from '@niivue/niivue';

import { h, icon } from '../base/dom';
import { Observable, once_per_frame } from '../base/observable';
import { presets_of } from '../scan/windows';
import { to_lps } from '../scan/scan';
import type { SegmentState } from '../work/segment';
import type { ViewState } from '../work/view_state';
import type { Work } from '../work/work';
import type { SurfaceJob, SurfaceResult } from './surface.worker';
import { thin_scan } from './thin_scan';

type Library = typeof import('@niivue/niivue');

const kBoneWindow = { low: 160, high: 900 };
/// Of one surface, and of all: where there are many, each is coarser.
const kMostVoxels = 4_000_000;
const kLeastVoxels = 250_000;
const kVoxelsOfAll = 24_000_000;

/// Surfaces of the segments, and the scan behind them, drawn by NiiVue. Its library is loaded when it is first shown.
export class Scene3d {
  readonly canvas = h('canvas', { class: 'scene', tabindex: '0', role: 'img', 'aria-label': 'Segments in 3D. Drag to turn, wheel to zoom.' });
  readonly root: HTMLElement;
  private readonly note = h('p', { class: 'note' }, 'Loading …');
  private readonly with_scan = new Observable(!draws_in_software());
  private library: Library | null = null;
  private niivue: Niivue | null = null;
  private worker: Worker | null = null;
  private readonly meshes = new Map<number, NVMesh>();
  private readonly redraw = once_per_frame(() => this.niivue?.drawScene());
  private readonly made = new Map<number, string>();
  private job = 0;
  private readonly jobs = new Map<number, number>();
  private readonly endings: (() => void)[] = [];

  constructor(
    private readonly work: Work,
    private readonly state: ViewState,
    on_maximise: () => void,
  ) {
    const scan = h('button', { class: 'quiet', title: 'Show the scan in 3D', 'aria-label': 'Show the scan in 3D', onclick: () => this.with_scan.set(!this.with_scan.value) },
      icon('M12 3l8 4.5v9L12 21l-8-4.5v-9z|M12 12l8-4.5|M12 12v9|M12 12L4 7.5'));
    const maximise = h('button', { class: 'quiet', title: 'Only 3D (4)', 'aria-label': 'Show only the 3D view', onclick: on_maximise }, icon('M4 9V4h5|M20 9V4h-5|M4 15v5h5|M20 15v5h-5'));
    const toggle = h('button', { class: 'quiet', title: 'Turn 3D on or off', 'aria-label': '3D on or off', onclick: () => state.show_3d.set(!state.show_3d.value) }, icon('M12 3v9|M6.3 6.8a8 8 0 1 0 11.4 0'));
    this.root = h('section', { class: 'view three', 'aria-label': '3D' }, this.canvas, this.note, h('header', {}, h('h2', {}, '3D'), scan, toggle, maximise));
    this.endings.push(
      state.show_3d.watch((on) => this.switch(on)),
      work.shown.watch(() => this.update()),
      this.with_scan.watch((on) => {
        scan.setAttribute('aria-pressed', String(on));
        void this.place_scan();
        this.update();
      }),
    );
  }

  stop(): void {
    for (const end of this.endings) end();
    this.worker?.terminate();
    this.niivue?.cleanup();
    this.niivue = null;
  }

  private switch(on: boolean): void {
    this.root.classList.toggle('off', !on);
    if (!on) this.note.textContent = '3D is off';
    if (on && !this.library) void this.load();
    else if (on) this.update();
  }

  private async load(): Promise<void> {
    this.note.textContent = 'Loading …';
    try {
      this.library = await import('@niivue/niivue');
      this.niivue = new this.library.Niivue({
        backColor: [0.043, 0.055, 0.075, 1], show3Dcrosshair: false, isOrientCube: true, dragAndDropEnabled: false,
        isColorbar: false, meshXRay: 0.35, logLevel: 'error', loadingText: '', crosshairWidth: 0,
      });
      await this.niivue.attachToCanvas(this.canvas);
      this.niivue.setSliceType(this.library.SLICE_TYPE.RENDER);
      this.niivue.setRenderAzimuthElevation(150, 12);
      this.niivue.setScale(1.3);
      await this.place_scan();
      this.update();
    } catch {
      this.note.textContent = 'This browser cannot draw 3D (it needs WebGL 2). Segmenting works without it.';
    }
  }

  private async place_scan(): Promise<void> {
    const { niivue, library } = this;
    if (!niivue || !library) return;
    if (niivue.volumes.length === 0) {
      const thin = thin_scan(this.work.scan);
      const bytes = library.NVImage.createNiftiArray([...thin.shape], [...thin.spacing_mm], thin.affine, 16, thin.values as never);
      const presets = presets_of(this.work.scan);
      const window = presets.some(({ name }) => name === 'Bone') ? kBoneWindow : presets[0]!.window;
      const image = await library.NVImage.new(bytes.buffer as ArrayBuffer, 'scan.nii', 'gray', 1, null, window.low, window.high, true, 0, false, false, '', 0, 0 as never, 0, 0, false, null, 0, null);
      niivue.addVolume(image);
    }
    niivue.setOpacity(0, this.with_scan.value ? 1 : 0);
  }

  /// Asks for the surfaces of what has changed; coarse results are for the slices only.
  private update(): void {
    if (!this.niivue || !this.state.show_3d.value) return;
    const segments = this.work.segments.value;
    const empty = segments.every(({ info }) => info.voxels === 0) && !this.with_scan.value;
    this.note.textContent = empty ? 'Segments appear here' : '';
    for (const n of [...this.meshes.keys()]) {
      const segment = segments.find((other) => other.number === n);
      if (!segment || !segment.visible || segment.info.voxels === 0) this.remove(n);
    }
    for (const segment of segments) {
      if (!segment.visible || segment.has_preview || segment.info.voxels === 0) continue;
      const wanted = `${segment.serial}`;
      if (this.made.get(segment.number) === wanted) continue;
      this.made.set(segment.number, wanted);
      this.ask(segment);
    }
  }

  private ask(segment: SegmentState): void {
    this.worker ??= this.start_worker();
    const { bytes, bounds } = segment.shown;
    const share = kVoxelsOfAll / this.work.segments.value.length;
    const most_voxels = Math.min(kMostVoxels, Math.max(kLeastVoxels, share));
    const job: SurfaceJob = { id: ++this.job, bytes, bounds, most_voxels };
    this.jobs.set(segment.number, job.id);
    this.worker.postMessage(job);
  }

  private start_worker(): Worker {
    const worker = new Worker(new URL('./surface.worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = (message: MessageEvent<SurfaceResult>) => {
      const { id, positions, triangles } = message.data;
      const segment = this.work.segments.value.find((other) => this.jobs.get(other.number) === id);
      if (segment?.visible) this.show(segment, positions, triangles);
    };
    return worker;
  }

  private show(segment: SegmentState, positions: Float32Array<ArrayBuffer>, triangles: Uint32Array<ArrayBuffer>): void {
    const { niivue, library } = this;
    if (!niivue || !library) return;
    const made = this.made.get(segment.number);
    this.remove(segment.number);
    if (made) this.made.set(segment.number, made);
    if (triangles.length === 0) return;
    const { geometry } = this.work.scan;
    for (let at = 0; at < positions.length; at += 3) {
      const [x, y, z] = to_lps(geometry, [positions[at]!, positions[at + 1]!, positions[at + 2]!]);
      positions.set([-x, -y, z], at);
    }
    const mesh = new library.NVMesh(positions, triangles, segment.info.name, Uint8Array.from([...segment.rgb, 255]), 1, true, niivue.gl);
    this.meshes.set(segment.number, mesh);
    niivue.meshes = [...niivue.meshes, mesh]; // its own addMesh sends the scan to the graphics processor anew
    this.redraw();
    this.canvas.dataset['meshes'] = String(this.meshes.size);
  }

  private remove(n: number): void {
    const kept = this.meshes.get(n);
    this.made.delete(n);
    if (!kept) return;
    this.meshes.delete(n);
    if (this.niivue) {
      kept.unloadMesh(this.niivue.gl);
      this.niivue.meshes = this.niivue.meshes.filter((mesh) => mesh !== kept);
      this.redraw();
    }
    this.canvas.dataset['meshes'] = String(this.meshes.size);
  }
}

/// Marching through the scan is slow without a graphics processor; surfaces are not.
function draws_in_software(): boolean {
  const context = document.createElement('canvas').getContext('webgl2');
  if (!context) return true;
  const info = context.getExtension('WEBGL_debug_renderer_info');
  const name = info ? String(context.getParameter(info.UNMASKED_RENDERER_WEBGL)) : '';
  context.getExtension('WEBGL_lose_context')?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}
