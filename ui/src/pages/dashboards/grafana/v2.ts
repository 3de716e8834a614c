/** Grafana's JSON of version 2 (`dashboard.grafana.app/v2…`) -> a dashboard. Each piece becomes one of version 1, and is read as that. Pure. */
import { at, flag, list, numeric, object, objects, own, text, texts, type JsonObject } from './json';
import { TOP, type Annotation, type Board, type Panel, type Section, type Variable } from './model';
import { COLUMNS, readAnnotation, readBoardLink, readPanel, readVariable } from './read';

/** Pixels of one row of the grid, with the gap. */
const CELL = 38;

export function readV2(spec: JsonObject, name: string): Board {
  const notes: string[] = [];
  const build: Build = { elements: object(spec.elements), notes, variables: [], placed: new Set(), count: 0 };
  const laid = sectionsOf(object(spec.layout), { tab: '', title: '', collapsed: false, repeat: '' }, build, 0);
  const sections = [...laid, ...lost(build)];
  const settings = object(spec.timeSettings);
  return {
    uid: name,
    title: text(spec.title) || name || 'No title',
    description: text(spec.description),
    tags: texts(spec.tags),
    sections,
    variables: [...objects(spec.variables), ...build.variables].map((variable) => variableOf(variable, notes)),
    links: objects(spec.links).map(readBoardLink),
    annotations: objects(spec.annotations).flatMap(annotationOf),
    from: text(settings.from),
    to: text(settings.to),
    refresh: text(settings.autoRefresh),
    tooltip: ['Off', 'Crosshair', 'Tooltip'].indexOf(text(spec.cursorSync, 'Off')),
    notes: [...new Set(notes)],
  };
}

interface Build {
  elements: JsonObject;
  notes: string[];
  /** Variables of rows and tabs. */
  variables: JsonObject[];
  /** Names of the elements that the layout has a place for. */
  placed: Set<string>;
  count: number;
}
type Heading = Pick<Section, 'tab' | 'title' | 'collapsed' | 'repeat'>;

const joined = (...names: string[]): string => names.filter(Boolean).join(' / ');

/** Rows in tabs in rows: as deep as anybody reads. */
const DEEPEST = 10;

function sectionsOf(layout: JsonObject, heading: Heading, build: Build, depth: number): Section[] {
  const spec = object(layout.spec);
  if (depth > DEEPEST) {
    build.notes.push(`Rows and tabs within each other are drawn ${DEEPEST} deep, and what is below is not.`);
    return [];
  }
  switch (layout.kind) {
    case 'GridLayout':
      return gridSections(objects(spec.items), heading, build);
    case 'AutoGridLayout':
    case 'ResponsiveGridLayout':
      return [section(heading, build, autoGrid(spec, build))];
    case 'RowsLayout':
      return objects(spec.rows).flatMap((row) => rowSections(object(row.spec), heading, build, depth));
    case 'TabsLayout':
      return objects(spec.tabs).flatMap((tab, index) => tabSections(object(tab.spec), index, heading, build, depth));
    default:
      build.notes.push(`Layouts of the kind “${text(layout.kind) || 'none'}” are not known here.`);
      return [];
  }
}

function rowSections(row: JsonObject, heading: Heading, build: Build, depth: number): Section[] {
  const title = text(row.title);
  inside(row, `row “${title}”`, build);
  const repeat = repeatOf(row).variable;
  if (repeat && heading.repeat) build.notes.push(`Row “${title}” is drawn once for each “${heading.repeat}”; the file repeats it by “${repeat}”, too.`);
  const own = {
    ...heading,
    title: flag(row.hideHeader) ? heading.title : joined(heading.title, title || 'Row'),
    collapsed: flag(row.collapse),
    repeat: heading.repeat || repeat,
  };
  return sectionsOf(object(row.layout), own, build, depth + 1);
}

function tabSections(tab: JsonObject, index: number, heading: Heading, build: Build, depth: number): Section[] {
  const title = text(tab.title) || `Tab ${index + 1}`;
  inside(tab, `tab “${title}”`, build);
  const repeat = repeatOf(tab).variable;
  if (repeat) build.notes.push(`Tab “${title}” is drawn once; the file repeats it by “${repeat}”.`);
  return sectionsOf(object(tab.layout), { ...heading, tab: joined(heading.tab, title) }, build, depth + 1);
}

/** What a row or a tab says of all that is in it. */
function inside(spec: JsonObject, what: string, build: Build): void {
  condition(spec, what, build);
  const variables = objects(spec.variables);
  if (variables.length) build.notes.push(`Variables of ${what} hold for the whole dashboard.`);
  build.variables.push(...variables);
}

function section(heading: Heading, build: Build, panels: Panel[]): Section {
  build.count += 1;
  return { ...heading, key: `${heading.title ? 'row' : TOP}-${build.count}`, panels };
}

function condition(spec: JsonObject, what: string, build: Build): void {
  if (objects(at(spec, 'conditionalRendering', 'spec', 'items')).length) build.notes.push(`The conditions for showing ${what} are not looked at: it is always shown.`);
}

function repeatOf(spec: JsonObject) {
  const repeat = object(spec.repeat);
  return { variable: text(repeat.value), down: repeat.direction === 'v', perRow: numeric(repeat.maxPerRow) ?? 4 };
}

/** Items of a grid; rows among them are sections of their own. */
function gridSections(items: readonly JsonObject[], heading: Heading, build: Build): Section[] {
  const panels = items.filter((item) => item.kind !== 'GridLayoutRow').flatMap((item) => gridItem(item, build));
  const rows = items.filter((item) => item.kind === 'GridLayoutRow').sort((a, b) => (numeric(at(a, 'spec', 'y')) ?? 0) - (numeric(at(b, 'spec', 'y')) ?? 0));
  const first = panels.length ? [section(heading, build, panels)] : [];
  const others = rows.map((row) => {
    const spec = object(row.spec);
    const own = { ...heading, title: joined(heading.title, text(spec.title) || 'Row'), collapsed: flag(spec.collapsed), repeat: repeatOf(spec).variable };
    return section(own, build, objects(spec.elements).flatMap((item) => gridItem(item, build)));
  }); // prettier-ignore
  return [...first, ...others];
}

function gridItem(item: JsonObject, build: Build): Panel[] {
  const spec = object(item.spec);
  return panelOf(spec, { x: spec.x, y: spec.y, w: spec.width, h: spec.height }, build);
}

const HEIGHTS: Readonly<Record<string, number>> = { short: 168, standard: 320, tall: 512 };
const WIDTHS: Readonly<Record<string, number>> = { narrow: 192, standard: 448, wide: 768 };
const PAGE_WIDTH = 1400;

/** As many columns as the file allows and a page has room for, one after the other. */
function autoGrid(spec: JsonObject, build: Build): Panel[] {
  const width = Math.max(1, numeric(spec.columnWidth) ?? own(WIDTHS, text(spec.columnWidthMode)) ?? WIDTHS.standard!);
  const height = numeric(spec.rowHeight) ?? own(HEIGHTS, text(spec.rowHeightMode)) ?? HEIGHTS.standard!;
  const columns = Math.max(1, Math.min(COLUMNS, Math.floor(numeric(spec.maxColumnCount) ?? 3), Math.floor(PAGE_WIDTH / width)));
  const w = Math.floor(COLUMNS / columns);
  const h = Math.max(2, Math.round(height / CELL));
  return objects(spec.items).flatMap((item, index) => {
    const inner = object(item.spec);
    condition(inner, `panel “${text(at(inner, 'element', 'name'))}”`, build);
    const places = { maxPerRow: columns, ...object(inner.repeat) };
    return panelOf({ ...inner, ...(inner.repeat !== undefined && { repeat: places }) }, { x: (index % columns) * w, y: Math.floor(index / columns) * h, w, h }, build);
  });
}

function panelOf(item: JsonObject, gridPos: JsonObject, build: Build): Panel[] {
  const name = text(at(item, 'element', 'name'));
  const element = own(build.elements, name);
  build.placed.add(name);
  if (element === undefined) {
    build.notes.push(`The layout names “${name}”, which is not among the elements.`);
    return [];
  }
  const repeat = repeatOf(item);
  const repeated = repeat.variable ? { repeat: repeat.variable, repeatDirection: repeat.down ? 'v' : 'h', maxPerRow: repeat.perRow } : {};
  return [drawnAt({ ...gridPos }, element, repeated, build)];
}

function drawnAt(gridPos: JsonObject, element: unknown, more: JsonObject, build: Build): Panel {
  build.count += 1;
  return readPanel({ ...elementOf(object(element)), gridPos, ...more }, String(build.count));
}

/** Panels that no layout has a place for: they are drawn below all others. */
function lost(build: Build): Section[] {
  const names = Object.keys(build.elements).filter((name) => !build.placed.has(name));
  if (!names.length) return [];
  const panels = names.map((name, index) => drawnAt({ x: (index % 2) * 12, y: Math.floor(index / 2) * 8, w: 12, h: 8 }, build.elements[name], {}, build));
  return [section({ tab: '', title: 'Without a place in the layout', collapsed: false, repeat: '' }, build, panels)];
}

/** An element as a panel of version 1. */
function elementOf(element: JsonObject): JsonObject {
  const spec = object(element.spec);
  const description = [text(spec.subtitle), text(spec.description)].filter(Boolean).join('\n\n');
  const common = { id: spec.id, title: spec.title, description, links: spec.links };
  if (element.kind === 'LibraryPanel') return { ...common, libraryPanel: object(spec.libraryPanel) };
  const viz = object(spec.vizConfig);
  const data = object(at(spec, 'data', 'spec'));
  const options = object(data.queryOptions);
  return {
    ...common,
    type: groupOf(viz, 'VizConfig'),
    options: at(viz, 'spec', 'options'),
    fieldConfig: at(viz, 'spec', 'fieldConfig'),
    targets: objects(data.queries).map(targetOf),
    transformations: objects(data.transformations).map(transformationOf),
    interval: options.interval,
    maxDataPoints: options.maxDataPoints,
    timeFrom: options.timeFrom,
    timeShift: options.timeShift,
  };
}

/** The plugin: `group` since v2beta1, the kind itself before. */
const groupOf = (value: JsonObject, kind: string): string => text(value.group) || (value.kind === kind ? '' : text(value.kind));

function sourceOf(query: JsonObject, beside: unknown): JsonObject {
  const older = object(beside);
  return { type: groupOf(query, 'DataQuery') || text(older.type), uid: text(at(query, 'datasource', 'name')) || text(older.uid) };
}

function targetOf(panelQuery: JsonObject): JsonObject {
  const spec = object(panelQuery.spec);
  const query = object(spec.query);
  return { ...object(query.spec), refId: spec.refId, hide: spec.hidden, datasource: sourceOf(query, spec.datasource) };
}

function transformationOf(one: JsonObject): JsonObject {
  const spec = object(one.spec);
  return { id: text(spec.id) || groupOf(one, 'Transformation'), options: spec.options, disabled: spec.disabled };
}

const TYPES: Readonly<Record<string, string>> = {
  QueryVariable: 'query', CustomVariable: 'custom', TextVariable: 'textbox', IntervalVariable: 'interval', DatasourceVariable: 'datasource',
  ConstantVariable: 'constant', AdhocVariable: 'adhoc', GroupByVariable: 'groupby', SwitchVariable: 'switch',
}; // prettier-ignore

function variableOf(variable: JsonObject, notes: string[]): Variable {
  const spec = object(variable.spec);
  const kind = text(variable.kind);
  const type = own(TYPES, kind) ?? (kind || 'none');
  switch (type) {
    case 'datasource':
      return readVariable({ ...spec, type, query: spec.pluginId });
    case 'switch':
      return readVariable({ ...spec, type, options: switchOptions(spec), current: { value: text(spec.current, 'false') } });
    case 'custom':
      return readVariable({ ...spec, type, ...(spec.valuesFormat === 'json' && { query: '' }) });
    case 'query': {
      const query = object(spec.query);
      const inner = object(query.spec);
      if (list(spec.staticOptions).length) notes.push(`Static options of the variable “${text(spec.name)}” are left out.`);
      const asked = typeof spec.query === 'string' ? spec.query : { ...inner, query: text(inner.query) || text(inner.__legacyStringValue) };
      return readVariable({ ...spec, type, datasource: sourceOf(query, spec.datasource), query: asked });
    }
    default:
      return readVariable({ ...spec, type });
  }
}

function switchOptions(spec: JsonObject): JsonObject[] {
  return [['on', text(spec.enabledValue, 'true')], ['off', text(spec.disabledValue, 'false')]].map(([name, value]) => ({ text: name, value })); // prettier-ignore
}

function annotationOf(one: JsonObject): Annotation[] {
  const spec = object(one.spec);
  const query = object(spec.query);
  return readAnnotation({ ...object(spec.legacyOptions), ...object(query.spec), name: spec.name, builtIn: spec.builtIn, enable: spec.enable, iconColor: spec.iconColor, datasource: sourceOf(query, spec.datasource) });
}
