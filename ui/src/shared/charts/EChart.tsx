/** One chart of ECharts in a box that fills its parent. The library is loaded with the first page that draws. */
import { useComputedColorScheme } from '@mantine/core';
import { BarChart, HeatmapChart, LineChart, ScatterChart } from 'echarts/charts';
import { AxisPointerComponent, GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent, VisualMapComponent } from 'echarts/components';
import { connect, init, use as register, type EChartsCoreOption, type EChartsType } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'react';
import { selectByDragging } from './drag';

register([BarChart, HeatmapChart, LineChart, ScatterChart, AxisPointerComponent, GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent, VisualMapComponent, CanvasRenderer]);

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

/** A painter that has not finished goes on with the next frame, and fails where it is disposed by then (zrender 6.1): it stops where its round has another number. */
function end(made: EChartsType): void {
  Object.assign(made.getZr().painter, { _redrawId: -1 });
  made.dispose();
}

export function EChart({ option, label, group, onClick, onSelect }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType>(undefined);
  const handlers = useRef({ onClick, onSelect });
  useEffect(() => {
    handlers.current = { onClick, onSelect };
  });
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false }); // or every chart is made twice on dark ground
  useEffect(() => {
    const made = init(box.current, scheme === 'dark' ? 'dark' : undefined);
    chart.current = made;
    if (group) {
      made.group = group;
      connect(group);
    }
    made.on('click', (event) => handlers.current.onClick?.(event as ChartEvent));
    const resized = new ResizeObserver(() => made.resize());
    resized.observe(box.current!);
    return () => {
      resized.disconnect();
      end(made);
    };
  }, [group, scheme]);
  const selects = onSelect !== undefined;
  useEffect(() => {
    chart.current!.setOption({ backgroundColor: 'transparent', animation: false, ...option }, { notMerge: true });
  }, [option, scheme]);
  useEffect(() => {
    if (selects) return selectByDragging(box.current!, chart.current!, (from, to) => handlers.current.onSelect?.(from, to));
  }, [selects, group, scheme]);
  return <div ref={box} className={selects ? 'chart selects' : 'chart'} role="img" aria-label={label} />;
}
