/** How the values of a field are shown: unit, colour, mappings, links; the panel's defaults with what is overridden. Pure. */
import { format } from '../../../shared/units';
import { colorOf, schemeColor } from './colors';
import type { Frame } from './frames';
import { at, flag, numeric, object, objects, own, text, texts, type JsonObject } from '../grafana/json';
import type { DataLink, Override, Panel, Threshold } from '../grafana/model';
import { readLink } from '../grafana/read';

export interface Field {
  unit: string;
  decimals: number | undefined;
  min: number | undefined;
  max: number | undefined;
  name: string;
  noValue: string;
  colorMode: string;
  fixedColor: string;
  percentages: boolean;
  thresholds: readonly Threshold[];
  mappings: readonly JsonObject[];
  links: readonly DataLink[];
  custom: JsonObject;
}
/** What an override may pick a field by. */
export interface Named {
  name: string;
  refId?: string;
  type?: 'number' | 'time' | 'string';
}

export function fieldOf(panel: Pick<Panel, 'defaults' | 'overrides'>, named: Named): Field {
  const merged: JsonObject = { ...panel.defaults, custom: { ...object(panel.defaults.custom) } };
  for (const override of panel.overrides) {
    if (!picks(override, named)) continue;
    for (const { id, value } of override.properties) {
      const key = id.replace(/^custom\./, '');
      if (key === id) merged[id] = value;
      else merged.custom = set(object(merged.custom), key.split('.'), value);
    }
  }
  return read(merged);
}

function set(document: JsonObject, [key, ...rest]: readonly string[], value: unknown): JsonObject {
  return key === undefined ? document : { ...document, [key]: rest.length ? set(object(document[key]), rest, value) : value };
}

function read(merged: JsonObject): Field {
  const color = object(merged.color);
  const thresholds = object(merged.thresholds);
  return {
    unit: text(merged.unit, 'short') || 'short',
    decimals: places(merged.decimals),
    min: numeric(merged.min),
    max: numeric(merged.max),
    name: text(merged.displayName),
    noValue: text(merged.noValue),
    colorMode: text(color.mode),
    fixedColor: text(color.fixedColor),
    percentages: thresholds.mode === 'percentage',
    thresholds: objects(thresholds.steps).map((step) => ({ value: numeric(step.value) ?? null, color: text(step.color, 'text') })),
    mappings: objects(merged.mappings),
    links: objects(merged.links).map(readLink),
    custom: object(merged.custom),
  };
}

/** Digits behind the point, as many as numbers can be written with. */
function places(value: unknown): number | undefined {
  const read = numeric(value);
  return read === undefined ? undefined : Math.max(0, Math.min(20, Math.round(read)));
}

function picks(override: Override, named: Named): boolean {
  const { matcher, options } = override;
  switch (matcher) {
    case 'byName':
      return named.name === text(options);
    case 'byNames': {
      const inside = texts(at(options, 'names')).includes(named.name);
      return at(options, 'mode') === 'exclude' ? !inside : inside;
    }
    case 'byRegexp':
      return regexOf(text(options))?.test(named.name) ?? false;
    case 'byFrameRefID':
      return named.refId === text(options);
    case 'byType':
      return named.type === text(options);
    default:
      return false;
  }
}

/** A pattern as Grafana's fields hold it: with or without slashes. */
export function regexOf(written: string): RegExp | null {
  const parts = /^\/(.*)\/([a-z]*)$/s.exec(written);
  try {
    return parts ? new RegExp(parts[1]!, parts[2]!.replace(/[^imsu]/g, '')) : new RegExp(written);
  } catch {
    return null;
  }
}

/** The values at which the colour changes, where they are shares of the scale as values. */
export function limits(field: Field, low: number, high: number): Threshold[] {
  const scaled = (value: number | null) => (value === null || !field.percentages ? value : low + ((field.max ?? high) - (field.min ?? low)) * (value / 100));
  return field.thresholds.map((step) => ({ ...step, value: scaled(step.value) }));
}

/** From the lowest value to the highest: what shares are shares of where a field has no limits of its own. */
export interface Scale {
  low: number;
  high: number;
}
const HUNDRED: Scale = { low: 0, high: 100 };

export function thresholdColor(value: number | null, field: Field, scale: Scale = HUNDRED): string | undefined {
  if (value === null) return undefined;
  const step = limits(field, field.min ?? scale.low, field.max ?? scale.high).findLast((one) => one.value === null || value >= one.value);
  return step && colorOf(step.color);
}

/** Text, colour and the place in the list of a value that is mapped. */
export interface Shown {
  text: string;
  color: string | undefined;
  mapped: boolean;
}

export function show(value: number | string | null, field: Field, scale: Scale = HUNDRED): Shown {
  const mapped = mapping(value, field.mappings);
  const result = object(mapped);
  const color = colorOf(text(result.color));
  if (mapped && text(result.text)) return { text: text(result.text), color, mapped: true };
  if (value === null && field.noValue) return { text: field.noValue, color, mapped: false };
  const plain = typeof value === 'string' ? value : format(value, field.unit, field.decimals);
  return { text: plain, color: color ?? (typeof value === 'number' ? byMode(value, field, scale) : undefined), mapped: mapped !== undefined };
}

function byMode(value: number, field: Field, { low, high }: Scale): string | undefined {
  if (field.colorMode === 'fixed') return colorOf(field.fixedColor);
  if (field.colorMode === 'thresholds' || field.colorMode === '') return thresholdColor(value, field, { low, high });
  const [least, most] = [field.min ?? low, field.max ?? high];
  return schemeColor(field.colorMode, (value - least) / (most - least));
}

function mapping(value: number | string | null, all: readonly JsonObject[]): unknown {
  for (const one of all) {
    const options = object(one.options);
    if (one.type === 'value' && value !== null && Object.hasOwn(options, String(value))) return options[String(value)];
    if (one.type === 'range' && typeof value === 'number') {
      if (value >= (numeric(options.from) ?? -Infinity) && value <= (numeric(options.to) ?? Infinity)) return options.result;
    }
    if (one.type === 'regex' && typeof value === 'string' && regexOf(text(options.pattern))?.test(value)) return options.result;
    if (one.type === 'special' && special(text(options.match), value)) return options.result;
  }
  return undefined;
}

function special(match: string, value: number | string | null): boolean {
  if (match === 'null' || match === 'null+nan' || match === 'nan') return value === null;
  if (match === 'empty') return value === '';
  return match === String(value);
}

/** The colour of a series: what the field says, else its own of the palette. */
export function seriesColor(field: Field, own: string, value: number | null): string {
  if (field.colorMode === 'fixed' || field.colorMode === 'shades') return colorOf(field.fixedColor) ?? own;
  if (field.colorMode === 'thresholds') return thresholdColor(value, field) ?? own;
  return own;
}

export const hides = (field: Field, where: 'viz' | 'legend' | 'tooltip'): boolean => flag(at(field.custom.hideFrom, where));

/** What a series is called: the name that its field has, with its labels filled in, or its legend. */
export function nameOf(field: Field, frame: Pick<Frame, 'name' | 'labels'>): string {
  const written = field.name.replace(/\$\{__field\.labels(?:\.(\w+)|\["([^"]*)"\])\}/g, (_, plain: string | undefined, quoted: string | undefined) => own(frame.labels, plain ?? quoted ?? '') ?? '');
  return written.replace(/\$\{__(?:series\.name|field\.name|field\.displayName)\}/g, () => frame.name) || frame.name;
}
