/** Shares of a whole. */
import { useMemo, useState } from 'react';
import { inkOn } from '../data/colors';
import { reduced } from '../data/reduce';
import { slicesOf, type Slice } from '../data/slices';
import { at, texts } from '../grafana/json';
import { middle, slice } from './arcs';
import { Legend } from './Legend';
import { linesOf } from './lines';
import type { PanelProps } from './types';

const RADIUS = 48;
const CENTRE = { x: 50, y: 50 };
/** Pixels of a text, and how wide a letter is beside how high. */
const TEXT = 11;
const LETTER = 0.55;

/** Whether a text has room in a slice: along its arc, or in a ring. */
const fits = (text: string, { from, until }: Slice, inner: number, size: number): boolean =>
  text.length * size * LETTER <= (inner ? Math.min(RADIUS - inner + 6, (until - from) * 240) : (until - from) * 190);

export function PiePanel({ panel, data, scope, width, height }: PanelProps) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const lines = useMemo(() => linesOf(data.frames, panel), [data.frames, panel]);
  const { slices, below } = useMemo(() => {
    const shown = lines.filter((line) => !hidden.has(line.key));
    const values = reduced({ ...panel, options: { ...panel.options, reduceOptions: { calcs: at(panel.options.reduceOptions, 'calcs') } } }, shown.map((line) => line.frame)); // prettier-ignore
    return slicesOf(
      values.map(({ value, text }, index) => {
        const { key, name, color } = shown[index]!;
        return { key, name, color, value, text };
      }),
    );
  }, [lines, hidden, panel]);
  const labels = texts(panel.options.displayLabels);
  const labelOf = (one: Slice) => [labels.includes('name') && one.name, labels.includes('value') && one.text, labels.includes('percent') && one.percent].filter(Boolean).join(' ');
  const told = useMemo(() => {
    const wanted = texts(at(panel.options.legend, 'values'));
    const parts = (one: Slice) => [...(wanted.includes('value') || !wanted.length ? [one.text] : []), ...(wanted.includes('percent') ? [one.percent] : [])];
    return new Map(slices.map((one) => [one.key, parts(one)]));
  }, [slices, panel]);
  const inner = panel.options.pieType === 'donut' ? RADIUS * 0.6 : 0;
  const right = at(panel.options.legend, 'placement') === 'right' && width > height;
  const size = (TEXT * 100) / Math.max(1, Math.min(right ? width * 0.45 : width, right ? height : height * 0.7));
  return (
    <div className={right ? 'panel-side' : 'panel-stack'}>
      <svg className="pie" viewBox="0 0 100 100" role="img" aria-label={`Pie: ${panel.title}: ${slices.map((one) => `${one.name} ${one.percent}`).join(', ')}`}>
        {slices.map((one) => (
          <path key={one.key} d={slice(one.from, one.until, RADIUS, inner, CENTRE)} fill={one.color}>
            <title>{`${one.name}: ${one.text} (${one.percent})`}</title>
          </path>
        ))}
        {slices
          .filter((one) => fits(labelOf(one), one, inner, size))
          .map((one) => (
            <text key={one.key} {...middle(one.from, one.until, inner ? RADIUS * 0.8 : RADIUS * 0.65, CENTRE)} textAnchor="middle" dominantBaseline="middle" fontSize={size} fill={inkOn(one.color)} pointerEvents="none">
              {labelOf(one)}
            </text>
          ))}
      </svg>
      {below > 0 && <div className="panel-more">{below} below zero: they are no part of a whole.</div>}
      <Legend panel={panel} lines={lines} hidden={hidden} setHidden={setHidden} scope={scope} told={told} />
    </div>
  );
}
