/** What log lines say. Pure. */
import type { LogLine } from '../../../shared/api/logs';
import { isObject, text } from '../grafana/json';

function jsonOf(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

const MESSAGES = ['message', 'msg', 'event', 'body'];

/** The message of a line in JSON; any other line as it is. */
export function messageOf(line: string): string {
  const fields = jsonOf(line);
  return (fields && MESSAGES.map((name) => text(fields[name])).find(Boolean)) ?? line;
}

/** Fields of the line, then labels that are not among them. */
export function fieldsOf(line: LogLine): [string, string][] {
  const fields = Object.entries(jsonOf(line.line) ?? {}).map(([name, value]): [string, string] => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
  const known = new Set(fields.map(([name]) => name));
  return [...fields, ...Object.entries(line.labels).filter(([name]) => !known.has(name))];
}

export function levelOf(line: LogLine): string {
  const { labels } = line;
  return (labels.level ?? labels.detected_level ?? labels.severity_text ?? text(jsonOf(line.line)?.level)).toLowerCase();
}

const LEVELS: readonly (readonly [RegExp, string])[] = [
  [/^(fatal|crit|alert|emerg|panic)/, '#b84bd1'],
  [/^(err|severe)/, '#e03131'],
  [/^warn/, '#e8730c'],
  [/^(info|notice)/, '#2f9e44'],
  [/^debug/, '#3b82d6'],
];

export const levelColor = (level: string): string => LEVELS.find(([pattern]) => pattern.test(level))?.[1] ?? '#868e96';
