/** What a log line says in fields: JSON or logfmt, its labels, its trace. Pure. */
import type { LogLine } from '../../shared/api/logs';
import { levelOf, type Level } from '../../shared/levels';

export type Format = 'json' | 'logfmt' | 'text';
export interface Field {
  /** As the line spells it; nested names are joined with dots. */
  name: string;
  /** The label that LogQL's parser makes of it; empty where it makes none (arrays). */
  label: string;
  value: string;
}
export interface ParsedLine {
  format: Format;
  /** What a person reads first. */
  message: string;
  fields: readonly Field[];
  level: Level;
  /** In lower-case hex digits; empty where the line names none. */
  traceId: string;
  spanId: string;
}

const DEEPEST = 8;
const MESSAGES = ['message', 'msg', 'body', 'log', '@message', 'event'];

/** Loki's own rule: https://grafana.com/docs/loki/latest/query/log_queries/#json. */
export const labelName = (name: string): string => name.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=\d)/, '_');

function flat(value: Readonly<Record<string, unknown>>, path: readonly string[], fields: Field[]): void {
  for (const [key, inner] of Object.entries(value)) {
    const names = [...path, key];
    const name = names.join('.');
    if (inner !== null && typeof inner === 'object' && !Array.isArray(inner) && names.length < DEEPEST) flat(inner as Record<string, unknown>, names, fields);
    else if (inner !== null && typeof inner === 'object') fields.push({ name, label: '', value: JSON.stringify(inner) });
    else fields.push({ name, label: inner === null ? '' : labelName(names.join('_')), value: String(inner) });
  }
}

function jsonFields(line: string): Field[] | null {
  if (!/^\s*\{/.test(line)) return null;
  try {
    const fields: Field[] = [];
    flat(JSON.parse(line) as Record<string, unknown>, [], fields);
    return fields;
  } catch {
    return null;
  }
}

const PAIR = /(?:^|\s)([A-Za-z_@][\w.@/-]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))(?=\s|$)/g;

/** A line counts as logfmt when it begins with a pair and has another. */
function logfmtFields(line: string): Field[] | null {
  if (!/^\s*[A-Za-z_@][\w.@/-]*=/.test(line)) return null;
  const pairs = [...line.matchAll(PAIR)];
  if (pairs.length < 2) return null;
  return pairs.map(([, name = '', quoted, plain]) => ({ name, label: labelName(name), value: quoted?.replace(/\\(["\\])/g, '$1') ?? plain ?? '' }));
}

const canonical = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');
const TRACE_NAMES = new Set(['traceid', 'oteltraceid', 'xtraceid', 'xb3traceid', 'b3traceid', 'contexttraceid', 'loggingtraceid', 'ubertraceid', 'mdctraceid', 'attributestraceid']);
const SPAN_NAMES = new Set(['spanid', 'otelspanid', 'xspanid', 'xb3spanid', 'b3spanid', 'contextspanid', 'mdcspanid', 'attributesspanid']);
const TRACEPARENT = /\b[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}\b/i;
const IN_TEXT = /\btrace[-_. ]?id["']?\s*[=:]\s*["']?([0-9a-f]{32}|[0-9a-f]{16}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-z])/i;

/** An id in hex digits, in a UUID's spelling or in base64, as 2 × `bytes` lower-case digits; empty where it is none. */
export function hexId(text: string, bytes: readonly number[]): string {
  const digits = text.trim().replace(/^0x/i, '').replaceAll('-', '').toLowerCase();
  const fits = (hex: string) => bytes.includes(hex.length / 2) && /[1-9a-f]/.test(hex);
  if (/^[0-9a-f]+$/.test(digits)) return fits(digits) ? digits : '';
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text.trim())) return '';
  try {
    const raw = atob(text.trim().replaceAll('-', '+').replaceAll('_', '/'));
    const hex = Array.from(raw, (byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('');
    return fits(hex) ? hex : '';
  } catch {
    return '';
  }
}

function ids(fields: readonly (readonly [string, string])[], line: string): { traceId: string; spanId: string } {
  const named = (names: ReadonlySet<string>, bytes: readonly number[]) => {
    for (const [name, value] of fields) {
      const id = names.has(canonical(name)) ? hexId(value, bytes) : '';
      if (id) return id;
    }
    return '';
  };
  const [, parentTrace = '', parentSpan = ''] = TRACEPARENT.exec(fields.find(([name]) => canonical(name).endsWith('traceparent'))?.[1] ?? line) ?? [];
  const traceId = named(TRACE_NAMES, [16, 8]) || hexId(parentTrace, [16]) || hexId(IN_TEXT.exec(line)?.[1] ?? '', [16, 8]);
  return { traceId, spanId: traceId && (named(SPAN_NAMES, [8]) || hexId(parentSpan, [8])) };
}

export function parseLine({ line, labels }: Pick<LogLine, 'line' | 'labels'>): ParsedLine {
  const json = jsonFields(line);
  const logfmt = json ? null : logfmtFields(line);
  const fields = json ?? logfmt ?? [];
  const values = Object.fromEntries(fields.map((field) => [field.name, field.value]));
  const message = MESSAGES.map((name) => values[name]).find((text) => text);
  return {
    format: json ? 'json' : logfmt ? 'logfmt' : 'text',
    message: message ?? line,
    fields,
    level: levelOf(labels, values),
    ...ids([...Object.entries(labels), ...fields.map((field) => [field.name, field.value] as const)], line),
  };
}

const parsed = new WeakMap<LogLine, ParsedLine>();

/** `parseLine`, once for each line. */
export function parsedLine(line: LogLine): ParsedLine {
  const known = parsed.get(line);
  if (known) return known;
  const made = parseLine(line);
  parsed.set(line, made);
  return made;
}

/** A name for a line that stays when the list is loaded again: its time, and a hash of what it says. */
export function lineKey(line: LogLine): string {
  let hash = 0x811c9dc5;
  for (const text of [line.line, line.labels.service_name ?? '', line.labels.span_id ?? '']) for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return `${line.at}-${hash.toString(36)}`;
}

/** Keys of lines in their order; those that are the same to the letter are numbered. */
export function lineKeys(lines: readonly LogLine[]): string[] {
  const seen = new Map<string, number>();
  return lines.map((line) => {
    const key = lineKey(line);
    const count = seen.get(key) ?? 0;
    seen.set(key, count + 1);
    return count ? `${key}-${count}` : key;
  });
}

export interface FieldCount {
  name: string;
  /** Lines that have it. */
  lines: number;
  /** Values, the most frequent first. */
  values: readonly { value: string; lines: number }[];
  /** Whether it is a label of the stream or its metadata rather than a field of the line. */
  isLabel: boolean;
  label: string;
  format: Format;
}

/** Fields and labels of lines with their values, labels first, then the most frequent. */
export function fieldCounts(lines: readonly LogLine[]): FieldCount[] {
  const all = new Map<string, { isLabel: boolean; name: string; label: string; format: Format; values: Map<string, number> }>();
  const add = (isLabel: boolean, name: string, label: string, format: Format, value: string) => {
    const key = `${isLabel ? 'l' : 'f'} ${name}`;
    const field = all.get(key) ?? { isLabel, name, label, format, values: new Map<string, number>() };
    all.set(key, field);
    field.values.set(value, (field.values.get(value) ?? 0) + 1);
  };
  for (const line of lines) {
    const { fields, format } = parsedLine(line);
    for (const [name, value] of Object.entries(line.labels)) add(true, name, name, 'text', value);
    for (const field of fields) add(false, field.name, field.label, format, field.value);
  }
  return [...all.values()]
    .map(({ values, ...field }) => ({
      ...field,
      lines: [...values.values()].reduce((sum, count) => sum + count, 0),
      values: [...values].map(([value, count]) => ({ value, lines: count })).sort((a, b) => b.lines - a.lines),
    }))
    .sort((a, b) => Number(b.isLabel) - Number(a.isLabel) || b.lines - a.lines || (a.name < b.name ? -1 : 1));
}
