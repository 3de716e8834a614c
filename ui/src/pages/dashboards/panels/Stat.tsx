/** One number for each series, in the colour of its threshold, with its course behind it. */
import { readable } from '../../../shared/charts/palette';
import { useMemo } from 'react';
import { calculate } from '../data/calcs';
import { fieldOf, show, thresholdColor } from '../data/fields';
import type { Frame } from '../data/frames';
import { at, texts } from '../grafana/json';
import type { Panel } from '../grafana/model';
import { Spark } from './Spark';
import type { PanelProps } from './types';

export interface Reduced {
  key: string;
  name: string;
  value: number | null;
  text: string;
  color: string | undefined;
  frame: Frame;
  field: ReturnType<typeof fieldOf>;
}

/** The value of each series, as the panel calculates it. */
export function reduced(panel: Panel, frames: readonly Frame[]): Reduced[] {
  const calc = texts(at(panel.options.reduceOptions, 'calcs'))[0] ?? 'lastNotNull';
  return frames.map((frame, index) => {
    const field = fieldOf(panel, { name: frame.name, refId: frame.refId, type: 'number' });
    const values = frame.spots.map((spot) => spot[1]);
    const value = calculate(calc, values);
    const shown = show(value, field);
    return { key: `${index}`, name: field.name || frame.name, value, text: shown.text, color: shown.color ?? thresholdColor(value, field), frame, field };
  });
}

const MOST = 60;

export function StatPanel({ panel, data, width, height }: PanelProps) {
  const stats = useMemo(() => reduced(panel, data.frames).slice(0, MOST), [panel, data.frames]);
  const alone = stats.length === 1;
  const mode = panel.options.textMode;
  const named = mode === 'value_and_name' || mode === 'name' || (mode !== 'value' && mode !== 'none' && !alone);
  const vertical = panel.options.orientation === 'horizontal' || (panel.options.orientation !== 'vertical' && height > width);
  const size = Math.max(16, Math.min(34, height / (vertical ? stats.length : 1) / 2.2));
  const filled = panel.options.colorMode === 'background' || panel.options.colorMode === 'background_solid';
  return (
    <div className={vertical ? 'stats vertical' : 'stats'}>
      {stats.map((stat) => (
        <div key={stat.key} className="stat" style={filled && stat.color ? { background: stat.color, color: '#fff' } : undefined}>
          {named && <div className="stat-name clip">{stat.name}</div>}
          {mode !== 'name' && mode !== 'none' && (
            <div className="stat-value" style={{ fontSize: size, color: filled || panel.options.colorMode === 'none' || !stat.color ? undefined : readable(stat.color) }}>
              {stat.text}
            </div>
          )}
          {panel.options.graphMode === 'area' && stat.frame.spots.length > 1 && <Spark spots={stat.frame.spots} color={filled ? '#fff' : stat.color} low={stat.field.min} />}
        </div>
      ))}
    </div>
  );
}
