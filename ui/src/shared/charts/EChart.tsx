/** One chart of ECharts in a box that fills its parent. The library is loaded with the first page that draws. */
import { useComputedColorScheme } from '@mantine/core';
import { BarChart, HeatmapChart, LineChart, ScatterChart } from 'echarts/charts';
import {
  AxisPointerComponent, BrushComponent, GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent,
  ToolboxComponent, TooltipComponent, VisualMapComponent,
} from 'echarts/components'; // prettier-ignore
import { connect, init, use as register, type EChartsCoreOption, type EChartsType } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'react';

register([
  BarChart, HeatmapChart, LineChart, ScatterChart, AxisPointerComponent, BrushComponent,
  GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent, ToolboxComponent, TooltipComponent, VisualMapComponent, CanvasRenderer,
]); // prettier-ignore

export interface ChartEvent {
  seriesName?: string;
  name?: string;
  data?: unknown;
}
interface Props {
  option: EChartsCoreOption;
  /** What it shows, for those who cannot see it. */
  label: string;
  /** Charts of one group share their crosshair. */
  group?: string;
  onClick?: (event: ChartEvent) => void;
  /** Dragging over the chart selects a part of the horizontal axis, in its own values. */
  onSelect?: (from: number, to: number) => void;
}

export function EChart({ option, label, group, onClick, onSelect }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType>(undefined);
  const handlers = useRef({ onClick, onSelect });
  useEffect(() => {
    handlers.current = { onClick, onSelect };
  });
  const scheme = useComputedColorScheme('light');
  useEffect(() => {
    const made = init(box.current, scheme === 'dark' ? 'dark' : undefined);
    chart.current = made;
    if (group) {
      made.group = group;
      connect(group);
    }
    made.on('click', (event) => handlers.current.onClick?.(event as ChartEvent));
    made.on('brushEnd', (event) => {
      const area = (event as { areas: { coordRange: [number, number] }[] }).areas[0]?.coordRange;
      made.dispatchAction({ type: 'brush', areas: [] });
      if (area) handlers.current.onSelect?.(area[0], area[1]);
    });
    const resized = new ResizeObserver(() => made.resize());
    resized.observe(box.current!);
    return () => {
      resized.disconnect();
      made.dispose();
    };
  }, [group, scheme]);
  const selects = onSelect !== undefined;
  useEffect(() => {
    const brush = selects ? { brush: { xAxisIndex: 0, brushStyle: { color: 'rgba(60,120,220,.15)' } }, toolbox: { show: false } } : {};
    chart.current!.setOption({ backgroundColor: 'transparent', animation: false, ...brush, ...option }, { notMerge: true });
    const cursor = { type: 'takeGlobalCursor', key: 'brush', brushOption: { brushType: 'lineX', brushMode: 'single' } };
    if (selects) chart.current!.dispatchAction(cursor);
  }, [option, scheme, selects]);
  return <div ref={box} className="chart" role="img" aria-label={label} />;
}
