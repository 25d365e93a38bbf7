import type { Bounds, Prompt, Reply, Segment } from '../api/types';
import { BitBox, is_empty } from '../scan/bits';

/// A segment of the session with its mask as far as this page knows it.
export class SegmentState {
  visible = true;
  /// In the order they were given, without those undone.
  prompts: Prompt[] = [];
  /// Whether the server's prompts are to be asked for once the segment is worked on: only then they are shown.
  owes_prompts = false;
  /// The revision of the session that the mask is of.
  mask_revision = -1;
  /// Counts changes of what is shown.
  serial = 0;
  private bits = new BitBox();
  /// The last request whose final mask is here; previews of it come too late.
  private answered: string | undefined;
  private preview: BitBox | null = null;

  constructor(public info: Segment) {}

  get number(): number {
    return this.info.number;
  }

  /// What to draw: the coarse result where there is one.
  get shown(): BitBox {
    return this.preview ?? this.bits;
  }

  get has_preview(): boolean {
    return this.preview !== null;
  }

  get rgb(): [number, number, number] {
    const value = parseInt(this.info.colour.slice(1), 16);
    return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
  }

  /// All of the mask: `packed` is what it has, inside the reply's bounds.
  replace(reply: Reply, packed: Uint8Array<ArrayBuffer>): void {
    this.bits = new BitBox();
    this.apply(reply, packed);
  }

  /// A final mask: `packed` replaces what is inside the reply's bounds.
  apply(reply: Reply, packed: Uint8Array<ArrayBuffer>): void {
    if (reply.voxels === 0) this.bits = new BitBox();
    else this.bits.paste(reply.bounds, packed);
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

  apply_preview(request: string, bounds: Bounds, packed: Uint8Array<ArrayBuffer>): void {
    if (is_empty(bounds) || request === this.answered) return;
    const bits = this.bits.copy();
    bits.paste(bounds, packed);
    this.preview = bits;
    this.serial += 1;
  }

  drop_preview(): void {
    if (!this.preview) return;
    this.preview = null;
    this.serial += 1;
  }
}
