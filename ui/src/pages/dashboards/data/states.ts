/** States over time: runs of samples that are shown alike. Pure. */
import { PALETTE } from '../../../shared/charts/palette';
import { show, type Field, type Scale } from './fields';
import type { Spot } from './frames';

export interface StateRun {
  /** Milliseconds. */
  from: number;
  until: number;
  text: string;
  color: string;
}

/** Where samples are: the distance between two, and the end of the time that is shown, in milliseconds. */
export interface Spacing {
  step: number;
  end: number;
}

/** A sample lasts until the next one is due. `merged` makes one run of those with the same text; a gap ends it. */
export function runsOf(spots: readonly Spot[], field: Field, spacing: Spacing, scale: Scale, merged: boolean): StateRun[] {
  const runs: StateRun[] = [];
  const seen = new Map<string, number>();
  for (const [at, value] of spots) {
    if (value === null) continue;
    const shown = show(value, field, scale);
    const number = seen.get(shown.text) ?? seen.size;
    seen.set(shown.text, number);
    const last = runs.at(-1);
    const until = Math.min(spacing.end, at + spacing.step);
    if (merged && last?.text === shown.text && at - last.until < spacing.step / 2) last.until = until;
    else runs.push({ from: at, until, text: shown.text, color: shown.color ?? PALETTE[number % PALETTE.length]! });
  }
  return runs;
}

/** Shares of a range of times. */
export interface Placed extends StateRun {
  left: number;
  width: number;
}

export function placed(runs: readonly StateRun[], range: { start: number; end: number }): Placed[] {
  const [first, length] = [range.start * 1000, (range.end - range.start) * 1000 || 1];
  const share = (at: number) => Math.max(0, Math.min(1, (at - first) / length));
  return runs.flatMap((run): Placed[] => {
    const left = share(run.from);
    const width = share(run.until) - left;
    return width > 0 ? [{ ...run, left, width }] : [];
  });
}

/** One path for each colour in a box of 1000 by 1, whatever the number of runs. `gap` is left free of each run. */
export function pathsOf(runs: readonly Placed[], gap: number): [color: string, path: string][] {
  const found = new Map<string, string>();
  for (const { color, left, width } of runs) {
    const from = (left * 1000).toFixed(2);
    found.set(color, `${found.get(color) ?? ''}M${from} 0h${(width * (1 - gap) * 1000).toFixed(2)}v1H${from}z`);
  }
  return [...found];
}
