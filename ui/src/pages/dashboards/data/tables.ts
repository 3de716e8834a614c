/** Tables, and the transformations of Grafana that these pages know: https://grafana.com/docs/grafana/latest/panels-visualizations/query-transform-data/transform-data/. Pure. */
import { at, flag, list, numeric, object, objects, text, texts, type JsonObject } from '../grafana/json';
import type { Transformation } from '../grafana/model';
import { calcWord, calculate } from './calcs';
import { regexOf } from './fields';
import type { Frame } from './frames';

export type Cell = string | number | null;
export interface Column {
  name: string;
  type: 'time' | 'number' | 'string';
  refId: string;
  labels: Readonly<Record<string, string>>;
  cells: readonly Cell[];
}
export interface DataTable {
  name: string;
  refId: string;
  columns: readonly Column[];
}

export const rowsOf = (table: DataTable): number => table.columns.reduce((most, column) => Math.max(most, column.cells.length), 0);

/** Tables of what was asked: one for each query that asks for a table, one for each series of the others. */
export function tablesOf(frames: readonly Frame[]): DataTable[] {
  const refIds = [...new Set(frames.map((frame) => frame.refId))];
  return refIds.flatMap((refId) => {
    const own = frames.filter((frame) => frame.refId === refId);
    return own[0]?.target.format === 'table' ? [labelled(own, refId, refIds.length > 1)] : own.map(ofSeries);
  });
}

/** A row for each sample: its time, its labels, its value. */
function labelled(frames: readonly Frame[], refId: string, several: boolean): DataTable {
  const names = [...new Set(frames.flatMap((frame) => Object.keys(frame.labels)))].sort();
  const samples = frames.flatMap((frame) => frame.spots.filter((spot) => spot[1] !== null).map((spot) => ({ frame, spot })));
  const common = { refId, labels: {} };
  return {
    name: refId,
    refId,
    columns: [
      { ...common, name: 'Time', type: 'time', cells: samples.map(({ spot }) => spot[0]) },
      ...names.map((name): Column => ({ ...common, name, type: 'string', cells: samples.map(({ frame }) => frame.labels[name] ?? null) })),
      { ...common, name: several ? `Value #${refId}` : 'Value', type: 'number', cells: samples.map(({ spot }) => spot[1]) },
    ],
  };
}

function ofSeries(frame: Frame): DataTable {
  const { refId, labels, name } = frame;
  return {
    name,
    refId,
    columns: [
      { name: 'Time', type: 'time', refId, labels: {}, cells: frame.spots.map((spot) => spot[0]) },
      { name, type: 'number', refId, labels, cells: frame.spots.map((spot) => spot[1]) },
    ],
  };
}

type Transform = (tables: DataTable[], options: JsonObject) => DataTable[];

const each = (change: (table: DataTable, options: JsonObject) => DataTable): Transform => (tables, options) => tables.map((table) => change(table, options));
const picked = (table: DataTable, rows: readonly number[]): DataTable => ({ ...table, columns: table.columns.map((column) => ({ ...column, cells: rows.map((row) => column.cells[row] ?? null) })) });

function organize(table: DataTable, options: JsonObject): DataTable {
  const hidden = object(options.excludeByName);
  const order = object(options.indexByName);
  const names = object(options.renameByName);
  const shown = table.columns.filter((column) => !flag(hidden[column.name]));
  const place = (column: Column) => numeric(order[column.name]) ?? Infinity;
  const inOrder = Object.keys(order).length ? [...shown].sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b))) : shown;
  return { ...table, columns: inOrder.map((column) => ({ ...column, name: text(names[column.name]) || column.name })) };
}

/** Rows with the same texts and times become one. */
function merge(tables: DataTable[]): DataTable[] {
  if (!tables.length) return tables;
  const columns = [...new Map(tables.flatMap((table) => table.columns).map((column) => [column.name, column])).values()];
  const shared = columns.filter((column) => column.type !== 'number' && tables.every((table) => table.columns.some((one) => one.name === column.name)));
  const rows = new Map<string, Record<string, Cell>>();
  tables.forEach((table, number) => {
    for (let row = 0; row < rowsOf(table); row++) {
      const values = Object.fromEntries(table.columns.map((column) => [column.name, column.cells[row] ?? null]));
      const key = JSON.stringify(shared.length ? shared.map((column) => values[column.name]) : [number, row]);
      rows.set(key, { ...rows.get(key), ...values });
    }
  });
  const all = [...rows.values()];
  const merged = columns.map((column) => ({ ...column, cells: all.map((row) => row[column.name] ?? null) }));
  return [{ name: 'merged', refId: tables[0]!.refId, columns: merged }];
}

function reduce(tables: DataTable[], options: JsonObject): DataTable[] {
  const calcs = texts(options.reducers ?? ['max']);
  const numbers = tables.flatMap((table) => table.columns.filter((column) => column.type === 'number'));
  const values = (column: Column) => column.cells.map((cell) => (typeof cell === 'number' ? cell : null));
  const refId = tables[0]?.refId ?? '';
  const names: Column = { name: 'Field', type: 'string', refId, labels: {}, cells: numbers.map((column) => column.name) };
  const labels = flag(options.labelsToFields) ? [...new Set(numbers.flatMap((column) => Object.keys(column.labels)))] : [];
  const ofLabels = labels.map((label): Column => ({ name: label, type: 'string', refId, labels: {}, cells: numbers.map((column) => column.labels[label] ?? null) }));
  const reducedTo = calcs.map((calc): Column => {
    const word = calcWord(calc);
    return { name: word.charAt(0).toUpperCase() + word.slice(1), type: 'number', refId, labels: {}, cells: numbers.map((column) => calculate(calc, values(column))) };
  });
  return [{ name: 'reduced', refId, columns: [names, ...ofLabels, ...reducedTo] }];
}

export function compareCells(a: Cell, b: Cell): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
}

export function sortedBy(table: DataTable, name: string, down: boolean): DataTable {
  const column = table.columns.find((one) => one.name === name);
  if (!column) return table;
  const rows = Array.from({ length: rowsOf(table) }, (_, row) => row);
  const missing = (row: number) => (column.cells[row] ?? null) === null;
  rows.sort((a, b) => Number(missing(a)) - Number(missing(b)) || compareCells(column.cells[a] ?? null, column.cells[b] ?? null) * (down ? -1 : 1));
  return picked(table, rows);
}

function filterFields(table: DataTable, options: JsonObject): DataTable {
  const rule = (given: unknown) => {
    const names = texts(at(given, 'names'));
    const pattern = text(at(given, 'pattern')) ? regexOf(text(at(given, 'pattern'))) : null;
    return names.length || pattern ? (name: string) => names.includes(name) || (pattern?.test(name) ?? false) : null;
  };
  const wanted = rule(options.include);
  const unwanted = rule(options.exclude);
  return { ...table, columns: table.columns.filter(({ name }) => (wanted?.(name) ?? true) && !(unwanted?.(name) ?? false)) };
}

/** Labels of series become columns of texts. */
function labelsToFields(table: DataTable, options: JsonObject): DataTable {
  const kept = texts(options.keepLabels);
  const own = (column: Column) => Object.entries(column.labels).filter(([name]) => !kept.length || kept.includes(name));
  const labels = [...new Map(table.columns.flatMap(own)).entries()];
  const rows = rowsOf(table);
  const made = labels.map(([name, value]): Column => ({ name, type: 'string', refId: table.refId, labels: {}, cells: Array<Cell>(rows).fill(value) }));
  const [times, others] = [table.columns.filter((column) => column.type === 'time'), table.columns.filter((column) => column.type !== 'time')];
  return { ...table, columns: [...times, ...made, ...others.map((column) => ({ ...column, name: Object.keys(column.labels).length ? text(column.labels.__name__, 'Value') : column.name }))] };
}

/** One table with the values of all side by side, where a field is equal. */
function join(tables: DataTable[], options: JsonObject): DataTable[] {
  const by = text(options.byField, 'Time') || 'Time';
  const joined = tables.filter((table) => table.columns.some((column) => column.name === by));
  const first = joined[0];
  if (!first) return tables;
  const inner = options.mode === 'inner';
  const keyOf = (table: DataTable) => table.columns.find((column) => column.name === by)!;
  const all = [...new Set(joined.flatMap((table) => keyOf(table).cells))].sort(compareCells);
  const keys = inner ? all.filter((key) => joined.every((table) => keyOf(table).cells.includes(key))) : all;
  const columns = joined.flatMap((table) => {
    const rows = new Map(keyOf(table).cells.map((cell, row) => [cell, row]));
    const others = table.columns.filter((column) => column.name !== by);
    return others.map((column) => ({ ...column, cells: keys.map((key) => column.cells[rows.get(key) ?? -1] ?? null) }));
  });
  return [{ name: 'joined', refId: first.refId, columns: [{ ...keyOf(first), cells: keys }, ...columns] }];
}

function seriesToRows(tables: DataTable[]): DataTable[] {
  const rows = tables.flatMap((table) => {
    const times = table.columns.find((column) => column.type === 'time');
    const numbers = table.columns.filter((column) => column.type === 'number');
    return numbers.flatMap((column) => column.cells.map((value, row) => ({ time: times?.cells[row] ?? null, metric: column.name, value })));
  });
  const refId = tables[0]?.refId ?? '';
  const column = (name: string, type: Column['type'], cells: Cell[]): Column => ({ name, type, refId, labels: {}, cells });
  return [{ name: 'rows', refId, columns: [column('Time', 'time', rows.map((row) => row.time)), column('Metric', 'string', rows.map((row) => row.metric)), column('Value', 'number', rows.map((row) => row.value))] }];
}

function groupBy(table: DataTable, options: JsonObject): DataTable {
  const rules = object(options.fields);
  const operation = (column: Column) => text(at(rules[column.name], 'operation'));
  const keys = table.columns.filter((column) => operation(column) === 'groupby');
  if (!keys.length) return table;
  const groups = new Map<string, number[]>();
  for (let row = 0; row < rowsOf(table); row++) {
    const key = JSON.stringify(keys.map((column) => column.cells[row] ?? null));
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const members = [...groups.values()];
  const aggregated = table.columns.filter((column) => operation(column) === 'aggregate').flatMap((column) =>
    texts(at(rules[column.name], 'aggregations')).map((calc): Column => {
      const values = (rows: readonly number[]) => rows.map((row) => (typeof column.cells[row] === 'number' ? column.cells[row] : null));
      return { ...column, name: `${column.name} (${calcWord(calc)})`, type: 'number', cells: members.map((rows) => calculate(calc, values(rows))) };
    }),
  ); // prettier-ignore
  return { ...table, columns: [...keys.map((column) => ({ ...column, cells: members.map((rows) => column.cells[rows[0]!] ?? null) })), ...aggregated] };
}

function renameByRegex(table: DataTable, options: JsonObject): DataTable {
  const pattern = regexOf(text(options.regex));
  const renamed = (name: string) => (pattern ? name.replace(pattern, text(options.renamePattern)) : name);
  return { ...table, columns: table.columns.map((column) => ({ ...column, name: renamed(column.name) })) };
}

const TRANSFORMS: Readonly<Record<string, Transform>> = {
  organize: each(organize),
  merge: (tables) => merge(tables),
  reduce,
  sortBy: each((table, options) => objects(options.sort).reduceRight((sorted, rule) => sortedBy(sorted, text(rule.field), flag(rule.desc)), table)),
  limit: each((table, options) => picked(table, Array.from({ length: Math.min(rowsOf(table), numeric(options.limitField) ?? 10) }, (_, row) => row))),
  filterFieldsByName: each(filterFields),
  filterByRefId: (tables, options) => tables.filter((table) => !text(options.include) || (regexOf(`^(${text(options.include)})$`)?.test(table.refId) ?? true)),
  labelsToFields: each(labelsToFields),
  seriesToColumns: join,
  joinByField: join,
  seriesToRows: (tables) => seriesToRows(tables),
  groupBy: each(groupBy),
  renameByRegex: each(renameByRegex),
};

export const TRANSFORMATIONS: readonly string[] = Object.keys(TRANSFORMS);

/** Transformations one after the other; those that are not known are left out, and said by the panel. */
export function transformed(tables: readonly DataTable[], steps: readonly Transformation[]): DataTable[] {
  return steps.reduce<DataTable[]>((current, { id, options }) => (Object.hasOwn(TRANSFORMS, id) ? TRANSFORMS[id]!(current, options) : current), [...tables]);
}

export const hasCells = (tables: readonly DataTable[]): boolean => tables.some((table) => list(table.columns).length > 0 && rowsOf(table) > 0);
