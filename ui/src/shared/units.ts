/** Numbers as Grafana's units show them: https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/. */

/** Three digits at most, without an exponent for what people read; or so many decimals. */
export function short(value: number, decimals?: number): string {
  if (decimals !== undefined) return value.toFixed(Math.min(20, Math.max(0, decimals)));
  if (value === 0) return '0';
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function scaled(value: number, base: number, names: readonly string[], decimals?: number): string {
  let rest = value;
  let index = 0;
  while (Math.abs(rest) >= base && index < names.length - 1) {
    rest /= base;
    index++;
  }
  return `${short(rest, decimals)}${names[index]!}`;
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
export function duration(seconds: number, decimals?: number): string {
  if (seconds === 0) return '0 s';
  if (!Number.isFinite(seconds)) return '–';
  const [, size, name] = DURATIONS.find(([limit]) => Math.abs(seconds) < limit)!;
  return `${short(seconds / size, decimals)} ${name}`;
}

const BINARY = [' B', ' KiB', ' MiB', ' GiB', ' TiB', ' PiB'];
const DECIMAL = [' B', ' kB', ' MB', ' GB', ' TB', ' PB'];
const PLAIN = ['', ' k', ' M', ' G', ' T'];
const RATE = ['', 'k', 'M', 'G'];

type Formatter = (value: number, decimals?: number) => string;

const inSeconds = (size: number): Formatter => (value, decimals) => duration(value * size, decimals);
const of = (base: number, names: readonly string[], behind = '', size = 1): Formatter => (value, decimals) => `${scaled(value * size, base, names, decimals)}${behind}`;
const BITS = [' b', ' kb', ' Mb', ' Gb', ' Tb'];

const FORMATS: Record<string, Formatter> = {
  s: duration,
  ms: inSeconds(1e-3),
  µs: inSeconds(1e-6),
  ns: inSeconds(1e-9),
  m: inSeconds(60),
  h: inSeconds(3600),
  d: inSeconds(86_400),
  dtdurations: duration,
  dtdurationms: inSeconds(1e-3),
  percentunit: (value, decimals) => `${short(value * 100, decimals)} %`,
  percent: (value, decimals) => `${short(value, decimals)} %`,
  bytes: of(1024, BINARY),
  kbytes: of(1024, BINARY, '', 1024),
  mbytes: of(1024, BINARY, '', 1024 ** 2),
  decbytes: of(1000, DECIMAL),
  deckbytes: of(1000, DECIMAL, '', 1e3),
  decmbytes: of(1000, DECIMAL, '', 1e6),
  bits: of(1000, BITS),
  decbits: of(1000, BITS),
  Bps: of(1000, DECIMAL, '/s'),
  binBps: of(1024, BINARY, '/s'),
  bps: of(1000, BITS, '/s'),
  reqps: of(1000, RATE, ' req/s'),
  rps: of(1000, RATE, ' reads/s'),
  wps: of(1000, RATE, ' writes/s'),
  iops: of(1000, RATE, ' io/s'),
  ops: of(1000, RATE, ' ops/s'),
  opm: of(1000, RATE, ' ops/min'),
  mps: of(1000, RATE, ' messages/s'),
  eps: of(1000, RATE, ' events/s'),
  pps: of(1000, RATE, ' packets/s'),
  cps: of(1000, RATE, '/s'),
  hertz: of(1000, [' Hz', ' kHz', ' MHz', ' GHz']),
  celsius: (value, decimals) => `${short(value, decimals)} °C`,
  currencyUSD: (value, decimals) => `$${scaled(value, 1000, RATE, decimals)}`,
  currencyEUR: (value, decimals) => `€${scaled(value, 1000, RATE, decimals)}`,
  none: (value, decimals) => (decimals === undefined ? String(Number(value.toPrecision(6))) : value.toFixed(decimals)),
  short: of(1000, PLAIN),
  locale: (value, decimals) => value.toLocaleString(undefined, { maximumFractionDigits: decimals ?? 2 }),
  bool: (value) => (value ? 'true' : 'false'),
  bool_yes_no: (value) => (value ? 'yes' : 'no'),
  bool_on_off: (value) => (value ? 'on' : 'off'),
  dateTimeAsIso: (value) => new Date(value).toISOString(),
  dateTimeAsLocal: (value) => new Date(value).toLocaleString(),
};

/** A unit that is not known is shown behind the number. `decimals` as a field of a dashboard asks for them; three digits without them. */
export function format(value: number | null | undefined, unit = 'short', decimals?: number): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '-∞';
  if (Object.hasOwn(FORMATS, unit)) return FORMATS[unit]!(value, decimals);
  return `${scaled(value, 1000, PLAIN, decimals)} ${unit.replace(/^suffix:/, '')}`.trim();
}
