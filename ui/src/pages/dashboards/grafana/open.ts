/** A dashboard from a file of the reader's own, of any version of Grafana's JSON. Pure. */
import { moment } from '../../../shared/range';
import { isObject, object, objects, own, text, type JsonObject } from './json';
import type { Board } from './model';
import { readBoard } from './read';
import { readV2 } from './v2';

/** The dashboard, or a sentence that says why there is none. */
export function openFile(content: string, name: string): Board | string {
  let file: unknown;
  try {
    file = JSON.parse(content);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : 'it cannot be read';
    return `${name} is not JSON (${said}). In Grafana: Export, as code, JSON.`;
  }
  if (!isObject(file)) return `${name} is JSON, but no dashboard: a dashboard is an object.`;
  const board = opened(file, name);
  return board ? timed(board) : `${name} has no panels: it is no dashboard as Grafana exports them (Export, as code, JSON).`;
}

/** Times such as `now/d` have no meaning here. */
function timed(board: Board): Board {
  const unknown = [board.from, board.to].filter((text) => text && moment(text, 0) === null);
  return unknown.length ? { ...board, notes: [...board.notes, `The time ${unknown.join(' to ')} is not known here: the present one is shown.`] } : board;
}

/** As an object of Kubernetes, as an answer of Grafana's API, or as itself; of version 2 where it has elements. */
function opened(file: JsonObject, name: string): Board | null {
  const inner = isObject(file.spec) ? file.spec : isObject(file.dashboard) ? file.dashboard : file;
  if (isObject(inner.elements) || isObject(inner.layout)) return readV2(inner, text(object(file.metadata).name) || name);
  if (Array.isArray(inner.panels) || Array.isArray(inner.rows)) return readBoard(completed(inner));
  return null;
}

/** A file to share brings its library panels, and asks for data sources and constants where it is imported. */
function completed(board: JsonObject): JsonObject {
  const library = object(board.__elements);
  const inputs = objects(board.__inputs).flatMap(inputVariable);
  const variables = object(board.templating);
  const panels = Array.isArray(board.panels) ? { panels: objects(board.panels).map((panel) => fromLibrary(panel, library)) } : {};
  return { ...board, ...panels, templating: { ...variables, list: [...inputs, ...objects(variables.list)] } };
}

function inputVariable(input: JsonObject): JsonObject[] {
  const common = { name: text(input.name), label: input.label, hide: 2 };
  if (input.type === 'datasource') return [{ ...common, type: 'datasource', query: input.pluginId }];
  return input.type === 'constant' ? [{ ...common, type: 'constant', query: text(input.value) }] : [];
}

function fromLibrary(panel: JsonObject, library: JsonObject): JsonObject {
  const inside = Array.isArray(panel.panels) ? { panels: objects(panel.panels).map((one) => fromLibrary(one, library)) } : {};
  const model = object(own(library, text(object(panel.libraryPanel).uid))).model;
  return isObject(model) ? { ...model, id: panel.id, gridPos: panel.gridPos } : { ...panel, ...inside };
}
