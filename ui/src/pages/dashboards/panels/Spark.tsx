/** The course of a value, without axes, in the lower part of its box. An SVG: a chart for every number would be slow. */
import { useMemo } from 'react';
import type { Spot } from '../data/frames';

const WIDTH = 200;
const HEIGHT = 40;

/** Pieces of a line between missing samples, as points of the box. */
export function pieces(spots: readonly Spot[], lowest: number | undefined): string[] {
  const values = spots.flatMap(([, value]) => (value === null ? [] : [value]));
  const first = spots[0];
  const last = spots.at(-1);
  if (!first || !last || values.length < 2) return [];
  const low = lowest ?? values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const x = (when: number) => (((when - first[0]) / (last[0] - first[0] || 1)) * WIDTH).toFixed(1);
  const y = (value: number) => (HEIGHT - 1 - ((value - low) / (high - low || 1)) * (HEIGHT - 4)).toFixed(1);
  const found: string[][] = [[]];
  for (const [when, value] of spots) {
    if (value === null) found.push([]);
    else found.at(-1)!.push(`${x(when)},${y(value)}`);
  }
  return found.filter((piece) => piece.length > 1).map((piece) => piece.join(' '));
}

export function Spark({ spots, color, low }: { spots: readonly Spot[]; color: string | undefined; low?: number | undefined }) {
  const lines = useMemo(() => pieces(spots, low), [spots, low]);
  const stroke = color ?? 'var(--mantine-primary-color-filled)';
  return (
    <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {lines.map((points) => {
        const first = points.split(' ', 1)[0]!.split(',')[0]!;
        const last = points.slice(points.lastIndexOf(' ') + 1).split(',')[0]!;
        return (
          <g key={first}>
            <polygon points={`${first},${HEIGHT} ${points} ${last},${HEIGHT}`} fill={stroke} opacity={0.15} />
            <polyline points={points} fill="none" stroke={stroke} strokeWidth={1.2} vectorEffect="non-scaling-stroke" />
          </g>
        );
      })}
    </svg>
  );
}
