/** Colours of series that can be told apart on light and dark ground. */
export const PALETTE: readonly string[] = [
  '#3b82d6', '#e8833a', '#3fa34d', '#c2504f', '#8f6cc4', '#b08a3e', '#d36ba6', '#2aa5a0', '#7d8794', '#a0b83b',
  '#5e7fd8', '#d4a017', '#4bb37b', '#e06666', '#a678d8', '#8c6d46', '#e28bbd', '#48b9c7', '#9aa3af', '#c3cc5b',
]; // prettier-ignore

/** Always the same colour for the same name, apart from the names before it where that is possible. */
export function colours(names: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Map<number, string>();
  const found = new Map<string, string>();
  for (const name of names) {
    let slot = Array.from(name).reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) >>> 0, 7) % PALETTE.length;
    for (let tries = 0; taken.has(slot) && tries < PALETTE.length; tries++) slot = (slot + 1) % PALETTE.length;
    taken.set(slot, name);
    found.set(name, PALETTE[slot]!);
  }
  return found;
}

/** A colour as text: mixed with that of the theme's text, so that it can be read on light and dark ground. */
export const readable = (colour: string): string => `color-mix(in srgb, ${colour} 60%, var(--mantine-color-text))`;

export const RED = '#e03131';
export const GREEN = '#2f9e44';
export const AMBER = '#f08c00';
