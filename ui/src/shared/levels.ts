/** Levels of log lines: what they are called, their order and colours. */
import { AMBER, GREEN, RED } from './charts/palette';

export const LEVELS = ['fatal', 'critical', 'error', 'warn', 'info', 'debug', 'trace', 'unknown'] as const;
export type Level = (typeof LEVELS)[number];

const SPELLINGS: Record<string, Level> = {
  fatal: 'fatal', panic: 'fatal', emerg: 'fatal', emergency: 'fatal', alert: 'fatal', critical: 'critical', crit: 'critical',
  error: 'error', err: 'error', eror: 'error', severe: 'error', warn: 'warn', warning: 'warn', wrn: 'warn', info: 'info', inf: 'info', information: 'info',
  informational: 'info', notice: 'info', debug: 'debug', dbg: 'debug', fine: 'debug', trace: 'trace', trc: 'trace', verbose: 'trace', unknown: 'unknown',
}; // prettier-ignore

const COLOURS: Record<Level, string> = {
  fatal: '#9c36b5',
  critical: '#9c36b5',
  error: RED,
  warn: AMBER,
  info: GREEN,
  debug: '#3b82d6',
  trace: '#7d8794',
  unknown: '#9aa3af',
};

/** Names of labels and fields that hold a level, best first. */
export const LEVEL_NAMES = ['detected_level', 'level', 'severity', 'severity_text', 'log_level', 'log.level', 'lvl', 'loglevel', 'severitytext'] as const;

export const levelNamed = (text: string): Level => SPELLINGS[text.trim().toLowerCase()] ?? 'unknown';

export const levelColour = (level: string): string => COLOURS[levelNamed(level)];

/** The level that labels or fields name; their case does not matter. */
export function levelOf(...places: readonly Readonly<Record<string, unknown>>[]): Level {
  for (const fields of places) {
    const lower = new Map(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]));
    for (const name of LEVEL_NAMES) {
      const value = lower.get(name);
      if (typeof value === 'string' && value) return levelNamed(value);
    }
  }
  return 'unknown';
}
