/** Colours as Grafana's files name them. Pure. */
import { own } from '../grafana/json';

/** Grafana's names of colours. */
const COLORS: Readonly<Record<string, string>> = {
  green: '#2f9e44', red: '#e03131', orange: '#e8730c', yellow: '#d9a404', blue: '#3b82d6', purple: '#8f6cc4',
  'dark-green': '#2b7a39', 'dark-red': '#b02525', 'dark-orange': '#c05a00', 'dark-yellow': '#a67c00', 'dark-blue': '#1f60c4', 'dark-purple': '#7c4dbd',
  'semi-dark-green': '#37872d', 'semi-dark-red': '#c4162a', 'semi-dark-orange': '#fa6400', 'semi-dark-yellow': '#e0b400', 'semi-dark-blue': '#1f60c4', 'semi-dark-purple': '#8f3bb8',
  'light-green': '#73bf69', 'light-red': '#f2495c', 'light-orange': '#ff9830', 'light-yellow': '#fade2a', 'light-blue': '#5794f2', 'light-purple': '#b877d9',
  'super-light-green': '#96d98d', 'super-light-red': '#ff7383', 'super-light-orange': '#ffb357', 'super-light-yellow': '#ffee52', 'super-light-blue': '#8ab8ff', 'super-light-purple': '#ca95e5',
  white: '#ffffff', black: '#000000', gray: '#868e96', grey: '#868e96',
}; // prettier-ignore

/** A colour that a chart takes; undefined for the colour of text. */
export function colorOf(name: string): string | undefined {
  if (!name || name === 'text' || name === 'transparent') return undefined;
  return own(COLORS, name) ?? (/^(#[0-9a-f]{3,8}|rgba?\([\d\s.,%]+\)|hsla?\([\d\s.,%]+\))$/i.test(name) ? name : undefined);
}

/** Schemes of colours from the lowest value to the highest. */
const SCHEMES: Readonly<Record<string, readonly string[]>> = {
  'continuous-GrYlRd': ['#2f9e44', '#d9a404', '#e03131'], 'continuous-RdYlGr': ['#e03131', '#d9a404', '#2f9e44'], 'continuous-YlRd': ['#d9a404', '#e03131'],
  'continuous-BlYlRd': ['#3b82d6', '#d9a404', '#e03131'], 'continuous-BlPu': ['#3b82d6', '#8f6cc4'], 'continuous-YlBl': ['#d9a404', '#3b82d6'],
  'continuous-blues': ['#cfe2f8', '#1f60c4'], 'continuous-reds': ['#f8cfcf', '#b02525'], 'continuous-greens': ['#cdeed4', '#2b7a39'],
  'continuous-purples': ['#e2d8f3', '#7c4dbd'],
}; // prettier-ignore

export const knownScheme = (mode: string): boolean => !mode.startsWith('continuous-') || Object.hasOwn(SCHEMES, mode);

/** The colour at a share of a scheme; undefined where no scheme has the name. */
export function schemeColor(mode: string, share: number): string | undefined {
  const stops = own(SCHEMES, mode);
  if (!stops) return undefined;
  const place = Math.max(0, Math.min(1, share || 0)) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(place));
  const [from, to] = [channels(stops[index]!)!, channels(stops[index + 1]!)!];
  const mixed = from.map((channel, part) => Math.round(channel + (to[part]! - channel) * (place - index)));
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

/** Red, green and blue of a colour, 0 to 255; null where they cannot be told. */
function channels(color: string): readonly number[] | null {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])[0-9a-f]?$/i.exec(color);
  if (short) return short.slice(1).map((digit) => parseInt(digit + digit, 16));
  const long = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})/i.exec(color);
  if (long) return long.slice(1).map((pair) => parseInt(pair, 16));
  const written = /^rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)/.exec(color);
  return written && written.slice(1).map(Number);
}

/** Black or white: what can be read on a colour (WCAG 2.2, relative luminance). */
export function inkOn(color: string): string {
  const parts = channels(color);
  if (!parts) return '#fff';
  const [red, green, blue] = parts.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4)) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? '#000' : '#fff';
}
