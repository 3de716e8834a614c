/** Grafana's JSON of version 1 (`schemaVersion` up to 42) -> a dashboard. It takes anything, and says what it lost. */
import { at, flag, list, numeric, object, objects, own, text, texts, type JsonObject } from './json';
import { TOP, type Annotation, type Board, type BoardLink, type DataLink, type Option, type Override, type Panel, type Section, type Source, type Target, type Transformation, type Variable } from './model';

export const COLUMNS = 24;

export function readBoard(file: unknown): Board {
  const board = object(object(file).dashboard ?? file);
  const notes: string[] = [];
  return {
    uid: text(board.uid),
    title: text(board.title) || 'No title',
    description: text(board.description),
    tags: texts(board.tags),
    sections: sectionsOf(panelsOf(board, notes)),
    variables: objects(at(board, 'templating', 'list')).map(readVariable),
    links: objects(board.links).map(readBoardLink),
    annotations: objects(at(board, 'annotations', 'list')).flatMap(readAnnotation),
    from: text(at(board, 'time', 'from')),
    to: text(at(board, 'time', 'to')),
    refresh: text(board.refresh),
    tooltip: numeric(board.graphTooltip) ?? 0,
    notes,
  };
}

/** Panels of a file; those of before 2018 stand in rows and have a width of twelve columns. */
function panelsOf(board: JsonObject, notes: string[]): readonly JsonObject[] {
  const rows = objects(board.rows);
  if (!rows.length) return objects(board.panels);
  notes.push('The file is older than Grafana 5: its rows are drawn one below the other.');
  let y = 0;
  return rows.flatMap((row) => {
    const height = Math.max(2, Math.round((numeric(text(row.height).replace('px', '')) ?? 250) / 38));
    let x = 0;
    const panels = objects(row.panels).map((panel) => {
      const w = (numeric(panel.span) ?? 4) * 2;
      const place = { x: x + w > COLUMNS ? 0 : x, y: y + 1, w, h: height };
      x = place.x + w;
      return { ...panel, gridPos: place };
    });
    const heading = { type: 'row', title: row.title, collapsed: false, gridPos: { x: 0, y, w: COLUMNS, h: 1 } };
    y += height + 1;
    return [heading, ...panels];
  });
}

/** Panels below a heading belong to it; a folded heading holds its own. */
function sectionsOf(panels: readonly JsonObject[]): Section[] {
  const inOrder = [...panels].sort((a, b) => byPlace(placeOf(a), placeOf(b)));
  const sections: (Omit<Section, 'panels'> & { panels: Panel[] })[] = [{ key: TOP, tab: '', title: '', collapsed: false, repeat: '', panels: [] }];
  for (const [index, panel] of inOrder.entries()) {
    if (panel.type === 'row') {
      const inside = objects(panel.panels).map((inner, position) => readPanel(inner, `${index}.${position}`));
      sections.push({ key: `row-${index}`, tab: '', title: text(panel.title), collapsed: flag(panel.collapsed), repeat: text(panel.repeat), panels: inside });
    } else sections.at(-1)!.panels.push(readPanel(panel, String(index)));
  }
  return sections.filter((section) => section.title || section.panels.length);
}

const byPlace = (a: { x: number; y: number }, b: { x: number; y: number }) => a.y - b.y || a.x - b.x;

function placeOf(panel: JsonObject) {
  const grid = object(panel.gridPos);
  const w = Math.min(COLUMNS, Math.max(1, Math.round(numeric(grid.w) ?? 12)));
  const x = Math.min(COLUMNS - w, Math.max(0, Math.round(numeric(grid.x) ?? 0)));
  return { x, y: Math.max(0, Math.round(numeric(grid.y) ?? 0)), w, h: Math.min(200, Math.max(1, Math.round(numeric(grid.h) ?? 8))) };
}

/** Panel types of before 2020 that were renamed and kept their meaning. */
const RENAMED: Readonly<Record<string, string>> = { graph: 'timeseries', singlestat: 'stat', 'grafana-piechart-panel': 'piechart', 'table-old': 'table' };

export function readPanel(panel: JsonObject, key: string): Panel {
  const source = readSource(panel.datasource);
  const type = text(panel.type);
  const library = object(panel.libraryPanel);
  return {
    id: numeric(panel.id) ?? 0,
    key: `${key}-${text(panel.id)}`,
    title: text(panel.title) || text(library.name),
    description: text(panel.description),
    type: own(RENAMED, type) ?? type,
    place: placeOf(panel),
    targets: objects(panel.targets).map((target, index) => readTarget(target, source, index)),
    defaults: defaultsOf(panel),
    overrides: objects(at(panel, 'fieldConfig', 'overrides')).map(readOverride),
    options: type === 'text' && !panel.options ? { mode: panel.mode, content: panel.content } : object(panel.options),
    transformations: objects(panel.transformations).flatMap(readTransformation),
    links: objects(panel.links).map(readLink),
    interval: text(panel.interval),
    maxDataPoints: numeric(panel.maxDataPoints) ?? 0,
    repeat: text(panel.repeat),
    repeatDown: panel.repeatDirection === 'v',
    perRow: numeric(panel.maxPerRow) ?? 4,
    timeFrom: text(panel.timeFrom),
    timeShift: text(panel.timeShift),
    scoped: {},
    missing: panel.libraryPanel && (!type || type === 'library-panel-ref') ? `it is the library panel “${text(library.name) || text(library.uid)}”, which only its Grafana has` : '',
    raw: panel,
  };
}

/** The defaults of all fields; a graph of before 2020 has its unit at its axis. */
function defaultsOf(panel: JsonObject): JsonObject {
  const defaults = object(at(panel, 'fieldConfig', 'defaults'));
  const unit = text(objects(panel.yaxes)[0]?.format) || text(panel.format);
  return unit && defaults.unit === undefined ? { ...defaults, unit } : defaults;
}

/** A data source is an object since Grafana 8.3, and was a name before. */
export function readSource(value: unknown): Source {
  return typeof value === 'string' ? { type: '', uid: value } : { type: text(at(value, 'type')), uid: text(at(value, 'uid')) };
}

function readTarget(target: JsonObject, panel: Source, index: number): Target {
  const own = readSource(target.datasource);
  const source = own.uid || own.type ? { type: own.type || panel.type, uid: own.uid } : panel;
  const format = text(target.format);
  const query = target.expr ?? target.query;
  return {
    refId: text(target.refId) || String.fromCharCode(65 + index),
    source,
    expr: typeof query === 'string' ? query : text(target.expression),
    legend: text(target.legendFormat) || '__auto',
    format: format === 'table' || format === 'heatmap' ? format : 'time_series',
    instant: flag(target.instant) && !flag(target.range, false),
    exemplar: flag(target.exemplar),
    hidden: flag(target.hide),
    interval: text(target.interval),
    maxLines: Math.min(5000, numeric(target.maxLines) ?? 1000),
    raw: target,
  };
}

export const readLink = (link: JsonObject): DataLink => ({ title: text(link.title) || text(link.url), url: text(link.url), blank: flag(link.targetBlank) });

function readOverride(override: JsonObject): Override {
  const matcher = object(override.matcher);
  const properties = objects(override.properties).map((one) => ({ id: text(one.id), value: one.value }));
  return { matcher: text(matcher.id), options: matcher.options, properties };
}

function readTransformation(one: JsonObject): Transformation[] {
  return flag(one.disabled) ? [] : [{ id: text(one.id), options: object(one.options) }];
}

export function readBoardLink(link: JsonObject): BoardLink {
  return {
    title: text(link.title),
    url: text(link.url),
    tooltip: text(link.tooltip),
    tags: texts(link.tags),
    dashboards: link.type === 'dashboards',
    keepTime: flag(link.keepTime),
    keepVariables: flag(link.includeVars),
    blank: flag(link.targetBlank),
  };
}

export function readAnnotation(one: JsonObject): Annotation[] {
  const expr = text(one.expr);
  if (!expr || flag(one.builtIn)) return [];
  const shown = { title: text(one.titleFormat), text: text(one.textFormat), color: text(one.iconColor, 'red') };
  return [{ name: text(one.name), expr, source: readSource(one.datasource), enabled: flag(one.enable, true), ...shown }];
}

export function readVariable(variable: JsonObject): Variable {
  const type = text(variable.type);
  const asked = variable.query;
  const query = typeof asked === 'string' ? asked : text(at(asked, 'query')) || text(at(asked, 'expr')) || text(variable.definition);
  const hide = variable.hide === 'hideVariable' ? 2 : variable.hide === 'hideLabel' ? 1 : (numeric(variable.hide) ?? 0);
  return {
    name: text(variable.name),
    label: text(variable.label) || text(variable.name),
    description: text(variable.description),
    type,
    query: type === 'query' ? query || lokiQuery(asked) : query,
    source: readSource(variable.datasource),
    regex: text(variable.regex),
    sort: sortOf(variable.sort),
    multi: flag(variable.multi),
    includeAll: flag(variable.includeAll),
    allValue: text(variable.allValue),
    current: texts(at(variable, 'current', 'value')),
    options: list(variable.options).length ? objects(variable.options).map(readOption) : [],
    hidden: hide === 2,
    hideLabel: hide === 1,
    auto: flag(variable.auto),
    autoCount: numeric(variable.auto_count) ?? 30,
    autoMin: text(variable.auto_min, '10s'),
  };
}

const SORTS = [
  'disabled', 'alphabeticalAsc', 'alphabeticalDesc', 'numericalAsc', 'numericalDesc', 'alphabeticalCaseInsensitiveAsc', 'alphabeticalCaseInsensitiveDesc',
  'naturalAsc', 'naturalDesc',
]; // prettier-ignore

const sortOf = (value: unknown): number => (typeof value === 'string' && SORTS.includes(value) ? SORTS.indexOf(value) : (numeric(value) ?? 0));

const readOption = (option: JsonObject): Option => ({ text: texts(option.text).join(', '), value: texts(option.value).join(',') });

/** Loki's editor stores the parts of a question about labels. */
function lokiQuery(asked: unknown): string {
  const label = text(at(asked, 'label'));
  const stream = text(at(asked, 'stream'));
  if (!label) return at(asked, 'type') === 0 ? 'label_names()' : '';
  return stream ? `label_values(${stream}, ${label})` : `label_values(${label})`;
}
