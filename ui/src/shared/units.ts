/** Numbers as Grafana's units show them: https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/. */

/** Three digits at most, without an exponent for what people read. */
export function short(value: number): string {
  if (value === 0) return '0';
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function scaled(value: number, base: number, names: readonly string[]): string {
  let rest = value;
  let index = 0;
  while (Math.abs(rest) >= base && index < names.length - 1) {
    rest /= base;
    index++;
  }
  return `${short(rest)}${names[index]!}`;
}

const DURATIONS: readonly [limit: number, size: number, name: string][] = [
  [1e-6, 1e-9, 'ns'],
  [1e-3, 1e-6, 'µs'],
  [1, 1e-3, 'ms'],
  [60, 1, 's'],
  [3600, 60, 'min'],
  [86_400, 3600, 'h'],
  [Infinity, 86_400, 'd'],
];

/** Seconds. */
export function duration(seconds: number): string {
  if (seconds === 0) return '0 s';
  if (!Number.isFinite(seconds)) return '–';
  const [, size, name] = DURATIONS.find(([limit]) => Math.abs(seconds) < limit)!;
  return `${short(seconds / size)} ${name}`;
}

const BINARY = [' B', ' KiB', ' MiB', ' GiB', ' TiB', ' PiB'];
const DECIMAL = [' B', ' kB', ' MB', ' GB', ' TB', ' PB'];
const PLAIN = ['', ' k', ' M', ' G', ' T'];
const RATE = ['', 'k', 'M', 'G'];

const FORMATS: Record<string, (value: number) => string> = {
  s: duration,
  ms: (value) => duration(value / 1e3),
  µs: (value) => duration(value / 1e6),
  ns: (value) => duration(value / 1e9),
  percentunit: (value) => `${short(value * 100)} %`,
  percent: (value) => `${short(value)} %`,
  bytes: (value) => scaled(value, 1024, BINARY),
  decbytes: (value) => scaled(value, 1000, DECIMAL),
  Bps: (value) => `${scaled(value, 1000, DECIMAL)}/s`,
  binBps: (value) => `${scaled(value, 1024, BINARY)}/s`,
  reqps: (value) => `${scaled(value, 1000, RATE)} req/s`,
  ops: (value) => `${scaled(value, 1000, RATE)} ops/s`,
  cps: (value) => `${scaled(value, 1000, RATE)}/s`,
  none: (value) => String(Number(value.toPrecision(6))),
  short: (value) => scaled(value, 1000, PLAIN),
  dateTimeAsIso: (value) => new Date(value).toISOString(),
};

/** Units that `format` knows; any other is shown behind the number. */
export const UNITS: readonly string[] = Object.keys(FORMATS);

export function format(value: number | null | undefined, unit = 'short'): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '-∞';
  const known = FORMATS[unit];
  return known ? known(value) : `${scaled(value, 1000, PLAIN)} ${unit.replace(/^suffix:/, '')}`.trim();
}
