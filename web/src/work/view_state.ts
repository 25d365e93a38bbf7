import type { Index3 } from '../api/types';
import { Observable } from '../base/observable';
import type { Window } from '../scan/windows';

export type ToolName = 'move' | 'point' | 'box' | 'scribble' | 'lasso';
export type Panel = 'axial' | 'coronal' | 'sagittal' | '3d';

/// What a person has set on the screen; nothing of it is on the server.
export class ViewState {
  readonly tool = new Observable<ToolName>('point');
  readonly positive = new Observable(true);
  /// Millimetres.
  readonly brush_diameter = new Observable(6);
  /// The voxel that all planes show.
  readonly cursor = new Observable<Index3>([0, 0, 0]);
  readonly window = new Observable<Window>({ low: 0, high: 1 });
  /// Of filled masks; outlines stay.
  readonly opacity = new Observable(0.35);
  readonly crosshair = new Observable(true);
  /// One panel alone; null: all four.
  readonly maximised = new Observable<Panel | null>(null);
  readonly show_3d = new Observable(true);
}
