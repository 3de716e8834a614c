/** Values as bars beside each other, or as columns where there is room or the panel says so. */
import { useMemo } from 'react';
import { readable } from '../../../shared/charts/palette';
import { reduced, shareOf } from '../data/reduce';
import { More } from './More';
import type { PanelProps } from './types';

const MOST = 200;
const COLUMN = 90;

export function BarGaugePanel({ panel, data, width, height }: PanelProps) {
  const all = useMemo(() => reduced(panel, data.frames), [panel, data.frames]);
  const bars = all.slice(0, MOST);
  const { orientation } = panel.options;
  const upright = orientation === 'vertical' || (orientation !== 'horizontal' && width > height && width / bars.length >= COLUMN);
  return (
    <>
      <div className={upright ? 'panel-scroll columns' : 'panel-scroll bars'} tabIndex={0} role="region" aria-label={`Bars: ${panel.title}`}>
        {bars.map((bar) => (
          <div key={bar.key} className="bar" title={`${bar.name}: ${bar.text}`}>
            <span className="clip">{bar.name}</span>
            <span className="bar-track">
              <i style={{ [upright ? 'height' : 'width']: `${shareOf(bar.value, bar.scale) * 100}%`, background: bar.color }} />
            </span>
            <b className="clip" style={{ color: bar.color && readable(bar.color) }}>
              {bar.text}
            </b>
          </div>
        ))}
      </div>
      <More all={all.length} shown={bars.length} />
    </>
  );
}
