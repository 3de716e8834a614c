/** A dashboard as these pages draw it: Grafana's JSON, read once, with a value for everything that is left out. */
import type { JsonObject } from './json';

/** A data source as a panel names it. `type` is empty where the file does not say it. */
export interface Source {
  type: string;
  uid: string;
}
export interface Target {
  refId: string;
  source: Source;
  expr: string;
  legend: string;
  format: 'time_series' | 'table' | 'heatmap';
  instant: boolean;
  exemplar: boolean;
  hidden: boolean;
  /** The least step, as text with variables; empty for none. */
  interval: string;
  maxLines: number;
  raw: JsonObject;
}
export interface Threshold {
  /** null for the lowest one, which has no lower limit. */
  value: number | null;
  color: string;
}
export interface DataLink {
  title: string;
  url: string;
  blank: boolean;
}
export interface Override {
  matcher: string;
  options: unknown;
  properties: readonly { id: string; value: unknown }[];
}
export interface Transformation {
  id: string;
  options: JsonObject;
}
export interface Place {
  x: number;
  y: number;
  w: number;
  h: number;
}
export interface Panel {
  id: number;
  /** A name of its own among the panels that are drawn: a panel that is repeated has the same `id` several times. */
  key: string;
  title: string;
  description: string;
  type: string;
  place: Place;
  targets: readonly Target[];
  defaults: JsonObject;
  overrides: readonly Override[];
  options: JsonObject;
  transformations: readonly Transformation[];
  links: readonly DataLink[];
  interval: string;
  maxDataPoints: number;
  repeat: string;
  repeatDown: boolean;
  perRow: number;
  timeFrom: string;
  timeShift: string;
  /** Variables that a repetition fixes for this panel. */
  scoped: Readonly<Record<string, Choice>>;
  /** Why it cannot be drawn, where the file itself says so: a panel of a library. */
  missing: string;
  raw: JsonObject;
}
/** A heading and the panels below it; the first section of a page may have no heading. */
export interface Section {
  key: string;
  /** The tab that it stands in; empty where the page has none. */
  tab: string;
  title: string;
  collapsed: boolean;
  repeat: string;
  /** Variables that a repetition fixes for its title. */
  scoped?: Readonly<Record<string, Choice>>;
  panels: readonly Panel[];
}
export type Choice = readonly string[];
export interface Option {
  text: string;
  value: string;
}
export interface Variable {
  name: string;
  label: string;
  description: string;
  type: string;
  /** What the data source is asked, the list of a custom variable, or the text of a text box. */
  query: string;
  source: Source;
  regex: string;
  sort: number;
  multi: boolean;
  includeAll: boolean;
  allValue: string;
  current: Choice;
  options: readonly Option[];
  hidden: boolean;
  hideLabel: boolean;
  auto: boolean;
  autoCount: number;
  autoMin: string;
}
export interface BoardLink {
  title: string;
  url: string;
  tooltip: string;
  /** Tags of the dashboards that a list of links leads to; empty for a single link. */
  tags: readonly string[];
  dashboards: boolean;
  keepTime: boolean;
  keepVariables: boolean;
  blank: boolean;
}
export interface Annotation {
  name: string;
  expr: string;
  source: Source;
  title: string;
  text: string;
  color: string;
  enabled: boolean;
}
export interface Board {
  uid: string;
  title: string;
  description: string;
  tags: readonly string[];
  sections: readonly Section[];
  variables: readonly Variable[];
  links: readonly BoardLink[];
  annotations: readonly Annotation[];
  from: string;
  to: string;
  refresh: string;
  /** 0: every panel has its own crosshair, 1: a shared one, 2: a shared tooltip. */
  tooltip: number;
  /** What was lost when the file was read. */
  notes: readonly string[];
}

export const ALL = '$__all';
/** What the keys of sections without a heading begin with. */
export const TOP = 'top';
