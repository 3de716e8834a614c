/** A small line without axes; the number stands beside it. */
import type { Trail } from './sources';

const WIDTH = 72;
const HEIGHT = 20;

/** The pieces of the line: it breaks where there is no value. */
export function pieces(trail: Trail, width = WIDTH, height = HEIGHT): string {
  const values = trail.filter((value) => value !== null);
  const top = Math.max(...values, 0);
  if (values.length === 0) return '';
  const x = (at: number) => Number(((at / Math.max(1, trail.length - 1)) * (width - 2) + 1).toFixed(1));
  const y = (value: number) => Number((height - 1 - (top ? value / top : 0) * (height - 2)).toFixed(1));
  return trail
    .map((value, at) => {
      if (value === null) return '';
      const before = trail[at - 1] ?? null;
      const after = trail[at + 1] ?? null;
      const lone = before === null && after === null ? 'h2.5' : '';
      return `${before === null ? 'M' : 'L'}${x(at)} ${y(value)}${lone}`;
    })
    .join('');
}

export function Sparkline({ trail, colour }: { trail: Trail; colour: string }) {
  return (
    <svg width={WIDTH} height={HEIGHT} aria-hidden="true" style={{ verticalAlign: 'middle' }}>
      <path d={pieces(trail)} fill="none" stroke={colour} strokeWidth={1.4} strokeLinejoin="round" />
    </svg>
  );
}
