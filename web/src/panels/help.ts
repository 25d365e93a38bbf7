import { h } from '../base/dom';
import { open_dialog } from './dialogs';

/// Keys as in the 3D Slicer extension, in every generation of it.
export const kShortcuts: readonly [string, string][] = [
  ['P or O', 'Point'],
  ['B', 'Box'],
  ['S', 'Scribble'],
  ['L', 'Lasso'],
  ['Esc', 'Drop what is being drawn; again: no tool, the left button moves the crosshair'],
  ['T', 'Positive or negative'],
  ['E', 'Next segment'],
  ['R', 'Reset segment'],
  ['V', 'Show or hide the segment'],
  ['Delete', 'Remove the segment'],
  ['Ctrl Z', 'Undo'],
  ['Ctrl Y', 'Redo'],
  ['Shift L, Enter', 'Finish a lasso of clicks'],
  ['[ and ]', 'Smaller or larger brush'],
  ['W', 'Next window'],
  ['F', 'Fit all planes'],
  ['X', 'Crosshair on or off'],
  ['+ and -', 'Zoom'],
  ['1 2 3 4 0', 'Only axial, sagittal, coronal, 3D; all four'],
  ['?', 'This help'],
];

const kMouse: readonly [string, string][] = [
  ['Left', 'The tool'],
  ['Right click', 'A point of the other sign'],
  ['Right drag', 'Window: across for contrast, up and down for brightness'],
  ['Wheel', 'Slices'],
  ['Ctrl wheel', 'Zoom'],
  ['Middle drag', 'Move the image'],
  ['Shift', 'The crosshair follows the pointer'],
];

const kKeys: readonly [string, string][] = [
  ['Arrows', 'Move the crosshair in the plane that has the focus'],
  ['Page Up, Page Down', 'Slices'],
  ['Enter', 'A point at the crosshair'],
];

export function open_help(): void {
  const list = (title: string, rows: readonly [string, string][]): Node =>
    h('section', {}, h('h3', {}, title), h('dl', { class: 'keys' }, ...rows.flatMap(([keys, text]) => [h('dt', {}, ...key_caps(keys)), h('dd', {}, text)])));
  open_dialog('Keys and mouse', () => [
    h('div', { class: 'help' }, list('Keys', kShortcuts), h('div', {}, list('Mouse', kMouse), list('Without a mouse', kKeys))),
  ]).classList.add('wide');
}

function key_caps(keys: string): Node[] {
  return keys.split(/( or | and |, | )/).map((part) => (/^( or | and |, | )$/.test(part) ? document.createTextNode(part === ' ' ? ' ' : part) : h('kbd', {}, part)));
}
