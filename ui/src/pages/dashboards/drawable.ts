/** What these pages can draw, as data that a test of the renderer reads, too; and what of a dashboard they cannot. Pure. */
import drawable from './drawable.json';
import { knownScheme } from './data/colors';
import { at, flag, text, texts } from './grafana/json';
import { asked, circular } from './grafana/variables';
import type { Board, Panel, Variable } from './grafana/model';
import { kindOf, sourceName } from './grafana/sources';
import { knownCalc } from './data/calcs';

export interface Lack {
  /** The panel or the variable. */
  where: string;
  what: string;
}

const within = (list: readonly string[], value: string): boolean => list.includes(value);
type Chosen = Parameters<typeof kindOf>[1];

/** Why nothing of a panel can be drawn; empty where it can. */
export function whyNot(panel: Panel, chosen: Chosen): string {
  if (panel.missing) return panel.missing;
  if (!within(drawable.panels, panel.type)) return `panels of the type “${panel.type || 'none'}” are not drawn here`;
  if (panel.type === 'text') return '';
  const asking = panel.targets.filter((target) => !target.hidden);
  const foreign = asking.filter((target) => kindOf(target.source, chosen, panel.type) === 'other');
  if (foreign.length && foreign.length === asking.length) return `it asks ${sourceName(foreign[0]!)}, which this stack does not have`;
  return '';
}

/** What is left out of a panel that is drawn, a sentence for each. */
export function leftOut(panel: Panel, chosen: Chosen): string[] {
  const foreign = panel.targets.filter((target) => !target.hidden && kindOf(target.source, chosen, panel.type) === 'other');
  const custom = panel.defaults.custom;
  const mode = text(at(custom, 'stacking', 'mode'), 'none');
  const scheme = text(at(panel.defaults, 'color', 'mode'));
  return [
    ...foreign.map((target) => `query ${target.refId} is left out: it asks ${sourceName(target)}`),
    ...panel.transformations.filter((one) => !within(drawable.transformations, one.id)).map((one) => `transformation “${one.id}” is left out`),
    ...(panel.type === 'table' ? [] : panel.transformations.filter((one) => within(drawable.transformations, one.id)).map((one) => `transformation “${one.id}” is left out: only tables are transformed`)),
    ...panel.overrides.filter((one) => !within(drawable.matchers, one.matcher)).map((one) => `overrides for fields picked “${one.matcher}” are left out`),
    ...calcsOf(panel).filter((calc) => !knownCalc(calc)).map((calc) => `calculation “${calc}” is left out`),
    ...(within(drawable.stacking, mode) ? [] : [`stacking “${mode}” is left out`]),
    ...(knownScheme(scheme) ? [] : [`colours “${scheme}” are left out`]),
    ...(panel.type === 'text' && panel.options.mode === 'html' ? ['its HTML is shown as the text that it is'] : []),
    ...(panel.type === 'piechart' && flag(at(panel.options.reduceOptions, 'values')) ? ['every series is one part, where the file asks for a part of each value'] : []),
  ]; // prettier-ignore
}

const calcsOf = (panel: Panel): string[] => [...texts(at(panel.options.reduceOptions, 'calcs')), ...texts(at(panel.options.legend, 'calcs'))];

export const isFilledIn = (variable: Variable): boolean => within(drawable.variables, variable.type);

export function whyNoVariable(variable: Variable): string {
  if (!isFilledIn(variable)) return `variables of the type “${variable.type}” are not filled in here`;
  if (variable.type === 'query' && kindOf(variable.source, {}, '') === 'other' && !variable.source.uid.startsWith('$')) return 'it asks a data source that this stack does not have';
  return variable.type === 'query' && !asked(variable.query) ? `its question is none that is known here: ${variable.query || '(empty)'}` : '';
}

/** Everything of a dashboard that is not drawn, panel by panel. */
export function lacks(board: Board): Lack[] {
  const chosen: Chosen = Object.fromEntries(board.variables.map((variable) => [variable.name, { variable }]));
  const circles = circular(board.variables);
  const whyNo = (variable: Variable) => whyNoVariable(variable) || (circles.has(variable.name) ? 'its question depends on itself, or on another that does' : '');
  const panels = board.sections.flatMap((section) => section.panels);
  return [
    ...board.notes.map((what) => ({ where: 'The file', what })),
    ...board.variables.flatMap((variable) => [whyNo(variable)].filter(Boolean).map((what) => ({ where: `Variable ${variable.name}`, what }))),
    ...panels.flatMap((panel) => {
      const where = panel.title || `Panel ${panel.id}`;
      const why = whyNot(panel, chosen);
      return why ? [{ where, what: why }] : leftOut(panel, chosen).map((what) => ({ where, what }));
    }),
  ];
}
