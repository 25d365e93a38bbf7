import type { Bounds, Geometry, Prompt, Reply, Segment } from '../api/types';
import { BitVolume, is_empty } from '../scan/bits';

/// A segment of the session with its mask as far as this page knows it.
export class SegmentState {
  visible = true;
  /// In the order they were given, without those undone.
  prompts: Prompt[] = [];
  /// Where the mask may have voxels.
  bounds: Bounds;
  /// The revision of the session that the mask is of.
  mask_revision = -1;
  /// Counts changes of what is shown.
  serial = 0;
  private readonly bits: BitVolume;
  /// The last request whose final mask is here; previews of it come too late.
  private answered: string | undefined;
  private preview: { bits: BitVolume; bounds: Bounds } | null = null;

  constructor(
    public info: Segment,
    geometry: Geometry,
  ) {
    this.bits = new BitVolume(geometry.shape);
    this.bounds = info.bounds;
  }

  get number(): number {
    return this.info.number;
  }

  /// What to draw: the coarse result where there is one.
  get shown(): { bits: BitVolume; bounds: Bounds } {
    return this.preview ?? { bits: this.bits, bounds: this.bounds };
  }

  get has_preview(): boolean {
    return this.preview !== null;
  }

  get rgb(): [number, number, number] {
    const value = parseInt(this.info.colour.slice(1), 16);
    return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
  }

  /// All of the mask: `packed` is what it has, inside the reply's bounds.
  replace(reply: Reply, packed: Uint8Array): void {
    this.bits.bytes.fill(0);
    this.bounds = kNowhere;
    this.apply(reply, packed);
  }

  /// A final mask: `packed` replaces what is inside the reply's bounds.
  apply(reply: Reply, packed: Uint8Array): void {
    if (!is_empty(reply.bounds)) {
      this.bits.paste(reply.bounds, packed);
      this.bounds = joined(this.bounds, reply.bounds);
    }
    if (reply.voxels === 0) this.bounds = kNowhere;
    this.mask_revision = reply.revision;
    this.answered = reply.request;
    this.info = {
      ...this.info,
      revision: reply.revision,
      voxels: reply.voxels,
      volume_ml: reply.volume_ml,
      can_undo: reply.can_undo,
      can_redo: reply.can_redo,
    };
    this.preview = null;
    this.serial += 1;
  }

  apply_preview(request: string, bounds: Bounds, packed: Uint8Array): void {
    if (is_empty(bounds) || request === this.answered) return;
    const bits = this.bits.copy();
    bits.paste(bounds, packed);
    this.preview = { bits, bounds: joined(this.bounds, bounds) };
    this.serial += 1;
  }

  drop_preview(): void {
    if (!this.preview) return;
    this.preview = null;
    this.serial += 1;
  }
}

export const kNowhere: Bounds = [[0, 0], [0, 0], [0, 0]];

function joined(a: Bounds, b: Bounds): Bounds {
  if (is_empty(a)) return b;
  if (is_empty(b)) return a;
  return a.map(([low, high], axis) => [Math.min(low, b[axis]![0]), Math.max(high, b[axis]![1])]) as Bounds;
}
