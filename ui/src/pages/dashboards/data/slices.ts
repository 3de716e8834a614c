/** Shares of a whole, one after the other. Pure. */
import { short } from '../../../shared/units';

export interface Portion {
  key: string;
  name: string;
  value: number | null;
  text: string;
  color: string;
}
export interface Slice extends Portion {
  /** Shares of the whole, 0 to 1. */
  from: number;
  until: number;
  percent: string;
}

/** Slices of what is above zero, and how many are below. */
export function slicesOf(portions: readonly Portion[]): { slices: Slice[]; below: number } {
  const counted = portions.filter(({ value }) => value !== null && value > 0 && Number.isFinite(value));
  const whole = counted.reduce((sum, { value }) => sum + value!, 0);
  let until = 0;
  const slices = counted.map((portion): Slice => {
    const from = until;
    until = Math.min(1, from + portion.value! / whole);
    return { ...portion, from, until, percent: `${short((portion.value! / whole) * 100)} %` };
  });
  return { slices, below: portions.filter(({ value }) => value !== null && value < 0).length };
}
