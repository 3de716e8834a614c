/** Metrics by family: what is known of each, and how many series it has. Pure. */
import type { Labels, Metadata } from '../../shared/api/metrics';

export interface Family {
  name: string;
  type: string;
  help: string;
  unit: string;
  /** Names of its series: `x_bucket`, `x_count`, `x_sum`. */
  names: readonly string[];
  /** null where it is not known. */
  series: number | null;
}

const SUFFIXES = ['_bucket', '_count', '_sum', '_total', '_created', '_info'];

/** The family that a name of series belongs to: the one that the scraped metadata has, else the name itself. */
export function familyOf(name: string, known: Readonly<Record<string, unknown>>): string {
  if (Object.hasOwn(known, name)) return name;
  const suffix = SUFFIXES.find((one) => name.endsWith(one) && Object.hasOwn(known, name.slice(0, -one.length)));
  return suffix ? name.slice(0, -suffix.length) : name;
}

export function familiesOf(names: readonly string[], metadata: Readonly<Record<string, readonly Metadata[]>>, counts: ReadonlyMap<string, number> | null): Family[] {
  const grouped = new Map<string, string[]>();
  for (const name of names) {
    const family = familyOf(name, metadata);
    grouped.set(family, [...(grouped.get(family) ?? []), name]);
  }
  const made = [...grouped].map(([name, own]): Family => {
    const about = Object.hasOwn(metadata, name) ? metadata[name]?.[0] : undefined;
    const series = counts ? own.reduce((sum, one) => sum + (counts.get(one) ?? 0), 0) : null;
    return { name, type: about?.type ?? 'unknown', help: about?.help ?? '', unit: about?.unit ?? '', names: own, series };
  });
  return made.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Families that have every word, in their name or in their help. */
export function matching(families: readonly Family[], words: string): Family[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return families.filter(({ name, names, help, type }) => {
    const text = [name, ...names, help, type].join(' ').toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/** A first question about a family: a rate of what counts, a quantile of what is spread. */
export function questionOf({ name, type, names }: Family): string {
  if (names.includes(`${name}_bucket`)) return `histogram_quantile(0.95, sum by (le) (rate(${name}_bucket[5m])))`;
  const counter = names.find((one) => one.endsWith('_total')) ?? names.find((one) => one.endsWith('_count'));
  if (type === 'counter' || (counter && type !== 'gauge')) return `rate(${counter ?? names[0] ?? name}[5m])`;
  return names[0] ?? name;
}

export interface LabelUse {
  label: string;
  values: number;
  /** The values with most series, and how many have them. */
  top: readonly (readonly [value: string, series: number])[];
}

const TOP = 5;

/** Which labels make many series of a family: labels with most values first. */
export function labelUse(series: readonly Labels[]): LabelUse[] {
  const uses = new Map<string, Map<string, number>>();
  for (const labels of series) {
    for (const [label, value] of Object.entries(labels)) {
      const values = uses.get(label) ?? new Map<string, number>();
      values.set(value, (values.get(value) ?? 0) + 1);
      uses.set(label, values);
    }
  }
  const made = [...uses].map(([label, values]): LabelUse => {
    const top = [...values].sort((a, b) => b[1] - a[1]).slice(0, TOP);
    return { label, values: values.size, top };
  });
  return made.sort((a, b) => b.values - a.values || (a.label < b.label ? -1 : 1));
}
