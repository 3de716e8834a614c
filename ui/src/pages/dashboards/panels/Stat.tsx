/** One number for each series, in the colour of its threshold, with its course behind it. */
import { useMemo } from 'react';
import { readable } from '../../../shared/charts/palette';
import { inkOn } from '../data/colors';
import { columnsFor, reduced } from '../data/reduce';
import { More } from './More';
import { Spark } from './Spark';
import type { PanelProps } from './types';

const MOST = 60;

export function StatPanel({ panel, data, width, height }: PanelProps) {
  const all = useMemo(() => reduced(panel, data.frames), [panel, data.frames]);
  const stats = all.slice(0, MOST);
  const mode = panel.options.textMode;
  const named = mode === 'value_and_name' || mode === 'name' || (mode !== 'value' && mode !== 'none' && stats.length > 1);
  const columns = columnsFor(stats.length, width, height, panel.options.orientation);
  const size = Math.max(16, Math.min(34, height / Math.ceil(stats.length / columns) / 2.2));
  const filled = panel.options.colorMode === 'background' || panel.options.colorMode === 'background_solid';
  return (
    <>
      <div className="stats" style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}>
        {stats.map((stat) => (
          <div key={stat.key} className="stat" style={filled && stat.color ? { background: stat.color, color: inkOn(stat.color) } : undefined}>
            {named && <div className="stat-name clip">{stat.name}</div>}
            {mode !== 'name' && mode !== 'none' && (
              <div className="stat-value clip" title={stat.text} style={{ fontSize: size, color: filled || panel.options.colorMode === 'none' || !stat.color ? undefined : readable(stat.color) }}>
                {stat.text}
              </div>
            )}
            {panel.options.graphMode === 'area' && stat.frame.spots.length > 1 && <Spark spots={stat.frame.spots} color={filled && stat.color ? inkOn(stat.color) : stat.color} low={stat.field.min} />}
          </div>
        ))}
      </div>
      <More all={all.length} shown={stats.length} />
    </>
  );
}
