/** Panels and rows that stand once for each value of a variable. Pure. */
import type { Chosen } from './interpolate';
import { own } from './json';
import { ALL, type Panel, type Section } from './model';
import { COLUMNS } from './read';

type ChosenOf = Readonly<Record<string, Chosen>>;

export interface Repeated {
  sections: Section[];
  /** What was not repeated for every value. */
  notes: string[];
}

/** Repetitions that a page has room for: of one row or panel, and of all panels. */
const MOST = 50;
const MOST_PANELS = 1000;

export function repeated(sections: readonly Section[], chosen: ChosenOf): Repeated {
  const notes: string[] = [];
  const rows = sections.flatMap((section) => repeatedRow(section, valuesOf(section.repeat, `Row “${section.title}”`, chosen, notes)));
  let count = 0;
  const whole = rows.map((row) => {
    const all = repeatedPanels(row.panels, chosen, notes);
    const panels = all.slice(0, Math.max(row.panels.length, MOST_PANELS - count));
    if (panels.length < all.length) notes.push(`${row.title ? `Row “${row.title}”` : 'What is above the first row'} is drawn with ${panels.length} of its ${all.length} panels, which are repeated.`);
    count += panels.length;
    return { ...row, panels };
  });
  return { sections: whole, notes: [...new Set(notes)] };
}

/** Values to repeat for; none where nothing repeats it, or where nothing is chosen. */
function valuesOf(name: string, what: string, chosen: ChosenOf, notes: string[]): readonly string[] {
  if (!name) return [];
  const one = own(chosen, name);
  if (!one) {
    notes.push(`${what} is drawn once: it is repeated by “${name}”, which is no variable of the file.`);
    return [];
  }
  const values = [...new Set(one.value.includes(ALL) ? one.all : one.value)];
  if (values.length > MOST) notes.push(`${what} is repeated for the first ${MOST} of ${values.length} values: choose fewer of “${one.variable.label}”.`);
  return values.slice(0, MOST);
}

function repeatedRow(section: Section, values: readonly string[]): Section[] {
  if (!values.length) return [section];
  return values.map((value) => {
    const scoped = { [section.repeat]: [value] };
    const panels = section.panels.map((panel) => ({ ...panel, key: `${panel.key}:${value}`, scoped: { ...panel.scoped, ...scoped } }));
    return { ...section, key: `${section.key}:${value}`, scoped, panels };
  });
}

/** Panels with their repetitions; those below one that takes more room than before move down. */
function repeatedPanels(panels: readonly Panel[], chosen: ChosenOf, notes: string[]): Panel[] {
  const inOrder = [...panels].sort((a, b) => a.place.y - b.place.y || a.place.x - b.place.x);
  const moves: { below: number; by: number }[] = [];
  return inOrder.flatMap((panel) => {
    const values = own(panel.scoped, panel.repeat) ? [] : valuesOf(panel.repeat, `Panel “${panel.title}”`, chosen, notes);
    const by = moves.reduce((sum, move) => sum + (panel.place.y >= move.below ? move.by : 0), 0);
    const all = values.length ? copies(panel, values) : [panel];
    const height = Math.max(...all.map((one) => one.place.y + one.place.h)) - panel.place.y;
    if (height > panel.place.h) moves.push({ below: panel.place.y + panel.place.h, by: height - panel.place.h });
    return all.map((one) => ({ ...one, place: { ...one.place, y: one.place.y + by } }));
  });
}

function copies(panel: Panel, values: readonly string[]): Panel[] {
  const { place } = panel;
  const perRow = Math.max(1, Math.min(Math.floor(panel.perRow) || 1, values.length, COLUMNS));
  const w = Math.floor(COLUMNS / perRow);
  return values.map((value, index) => ({
    ...panel,
    key: `${panel.key}:${value}`,
    scoped: { ...panel.scoped, [panel.repeat]: [value] },
    place: panel.repeatDown
      ? { ...place, y: place.y + index * place.h }
      : { x: (index % perRow) * w, y: place.y + Math.floor(index / perRow) * place.h, w, h: place.h },
  })); // prettier-ignore
}

/** The variables of a section: a row that is repeated has its value in its title. */
export function scopedTo(section: Section, chosen: ChosenOf): ChosenOf {
  const fixed = Object.entries(section.scoped ?? {}).flatMap(([name, value]) => {
    const one = own(chosen, name);
    return one ? [[name, { ...one, value }] as const] : [];
  });
  return fixed.length ? { ...chosen, ...Object.fromEntries(fixed) } : chosen;
}
