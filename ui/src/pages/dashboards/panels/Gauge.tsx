/** Values on an arc, with the limits of their thresholds around it. */
import { useMemo } from 'react';
import { readable } from '../../../shared/charts/palette';
import { format } from '../../../shared/units';
import { colorOf } from '../data/colors';
import { limits } from '../data/fields';
import { columnsFor, reduced, shareOf, type Reduced } from '../data/reduce';
import { flag } from '../grafana/json';
import { arc } from './arcs';
import { More } from './More';
import type { PanelProps } from './types';

const MOST = 60;
const RADIUS = 40;
/** The arc is two thirds of a circle, open below. */
const SWEEP = 2 / 3;
const part = (from: number, until: number, radius: number) => arc((from - 0.5) * SWEEP, (until - 0.5) * SWEEP, radius, { x: 50, y: 52 });

export function GaugePanel({ panel, data, width, height }: PanelProps) {
  const all = useMemo(() => reduced(panel, data.frames), [panel, data.frames]);
  const gauges = all.slice(0, MOST);
  const columns = columnsFor(gauges.length, width, height, 'auto', 1.1);
  const markers = flag(panel.options.showThresholdMarkers, true);
  return (
    <>
      <div className="panel-scroll gauges" style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }} tabIndex={0} role="region" aria-label={`Gauges: ${panel.title}`}>
        {gauges.map((gauge) => (
          <Arc key={gauge.key} gauge={gauge} named={all.length > 1} markers={markers} labelled={flag(panel.options.showThresholdLabels)} />
        ))}
      </div>
      <More all={all.length} shown={gauges.length} />
    </>
  );
}

function Arc({ gauge, named, markers, labelled }: { gauge: Reduced; named: boolean; markers: boolean; labelled: boolean }) {
  const { field, scale, color, text } = gauge;
  const steps = limits(field, scale.low, scale.high);
  const told = (value: number) => format(value, field.unit, field.decimals);
  const around = labelled ? steps.flatMap((step) => (step.value === null ? [] : [told(step.value)])) : [];
  return (
    <div className="gauge">
      <svg viewBox="0 0 100 84" role="img" aria-label={`${gauge.name}: ${text}, between ${told(scale.low)} and ${told(scale.high)}`}>
        <path d={part(0, 1, RADIUS)} className="gauge-track" />
        {gauge.value !== null && <path d={part(0, shareOf(gauge.value, scale), RADIUS)} className="gauge-value" style={{ stroke: color }} />}
        {markers &&
          steps.map((step, index) => (
            <path key={index} d={part(shareOf(step.value ?? scale.low, scale), shareOf(steps[index + 1]?.value ?? scale.high, scale), RADIUS + 7)} fill="none" stroke={colorOf(step.color) ?? 'none'} strokeWidth={2.5} />
          ))}
        <text x={50} y={58} textAnchor="middle" fontSize={Math.min(16, 100 / Math.max(1, text.length))} fontWeight={600} style={{ fill: color ? readable(color) : 'currentColor' }}>
          {text}
        </text>
        {around.length > 0 && (
          <text x={50} y={80} textAnchor="middle" fontSize={6} style={{ fill: 'currentColor' }}>
            {around.join(' · ')}
          </text>
        )}
      </svg>
      {named && (
        <div className="stat-name clip" title={gauge.name}>
          {gauge.name}
        </div>
      )}
    </div>
  );
}
