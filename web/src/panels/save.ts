import { describe_error } from '../api/client';
import type { MaskFormat } from '../api/types';
import { h } from '../base/dom';
import { save_file } from '../base/dom';
import { file_stem } from '../base/format';
import type { Work } from '../work/work';
import { open_dialog, toast } from './dialogs';

const kFormats: readonly { format: MaskFormat | 'prompts'; label: string; text: string; ending: string }[] = [
  { format: 'nii.gz', label: 'NIfTI', text: 'a label map', ending: 'nii.gz' },
  { format: 'nrrd', label: 'NRRD', text: 'names and colours for 3D Slicer', ending: 'seg.nrrd' },
  { format: 'seg.dcm', label: 'DICOM SEG', text: 'with SNOMED CT codes, for the archive', ending: 'seg.dcm' },
  { format: 'stl', label: 'STL', text: 'the surface, for printing', ending: 'stl' },
  { format: 'prompts', label: 'Prompts', text: 'JSON; “sagittal segment --prompts” makes the same mask of it', ending: 'prompts.json' },
];

/// Files of the active segment, or of all.
export function open_save(work: Work): void {
  const segment = work.active_segment;
  if (!segment) return;
  let all = work.segments.value.length > 1;
  open_dialog('Save', () => {
    const choice = (label: string, value: boolean): Node => {
      const input = h('input', { type: 'radio', name: 'what', checked: all === value, onchange: () => (all = value) });
      return h('label', { class: 'choice' }, input, label);
    };
    const save = async (format: MaskFormat | 'prompts', ending: string, button: HTMLButtonElement): Promise<void> => {
      button.disabled = true;
      try {
        const whole = all && format !== 'prompts';
        const blob = format === 'prompts' ? await work.api.prompts_file(segment.number) : await work.api.mask_file(whole ? null : segment.number, format);
        const stem = file_stem(work.scan.name);
        const name = `${stem}${whole ? '' : `.${file_stem(segment.info.name)}`}.${ending}`;
        save_file(blob, name);
        toast(`${name} is saved where this browser keeps downloads.`);
      } catch (error) {
        toast(describe_error(error), true);
      } finally {
        button.disabled = false;
      }
    };
    const empty = work.segments.value.filter(({ info }) => info.voxels === 0).map(({ info }) => info.name);
    return [
      empty.length > 0 ? h('p', { class: 'notice' }, `${empty.join(', ')}: empty so far.`) : h('p', {}),
      h('fieldset', {}, h('legend', {}, 'What'), choice(`This segment: ${segment.info.name}`, false), ...(work.segments.value.length > 1 ? [choice(`All ${work.segments.value.length} segments in one file`, true)] : [])),
      h('div', { class: 'column formats' }, ...kFormats.map(({ format, label, text, ending }) => {
        const button: HTMLButtonElement = h('button', { class: 'wide-button', onclick: () => void save(format, ending, button) }, h('strong', {}, label), h('span', { class: 'muted' }, format === 'prompts' ? `${text} (this segment)` : text));
        return button;
      })),
    ];
  });
}
