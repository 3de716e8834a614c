/** Icons: strokes in a square of 24. A library of them is thousands of files for the few that are used. */
import type { ComponentType } from 'react';

export type Icon = ComponentType<{ size?: number }>;

function icon(path: string): Icon {
  return function Drawn({ size = 18 }) {
    return (
      <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={1.8} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
        <path d={path} />
      </svg>
    );
  };
}

export const IconAlert = icon('M12 4 2.5 20h19zM12 10v4M12 17h.01');
export const IconBell = icon('M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5a2 2 0 0 0 4 0');
export const IconBoard = icon('M4 4h7v9H4zM13 4h7v5h-7zM13 11h7v9h-7zM4 15h7v5H4z');
export const IconChart = icon('M4 4v16h16M7 15l4-5 3 3 5-7');
export const IconCheck = icon('M5 12.5 10 17 19 7');
export const IconChecklist = icon('M4 6.5 5.5 8 8.5 5M4 13.5 5.5 15 8.5 12M12 7h8M12 14h8M12 20h8');
export const IconChevronDown = icon('M6 9.5l6 6 6-6');
export const IconChevronRight = icon('M9.5 6l6 6-6 6');
export const IconClock = icon('M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 8v4.5l3 2');
export const IconClose = icon('M6 6l12 12M18 6 6 18');
export const IconCopy = icon('M9 9h11v11H9zM15 9V4H4v11h5');
export const IconFilter = icon('M4 5h16l-6.5 8v6l-3 1.5V13z');
export const IconKeyboard = icon('M3 6.5h18v11H3zM7 10h.01M11 10h.01M15 10h.01M18 10h.01M8 14h8');
export const IconLink = icon('M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1');
export const IconLogs = icon('M6 3h9l4 4v14H6zM9.5 11h6M9.5 14.5h6M9.5 18h4');
export const IconMoon = icon('M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z');
export const IconPlay = icon('M7 4.5 19 12 7 19.5z');
export const IconPulse = icon('M3 12h4l2.5-7 4.5 14 2.5-7H21');
export const IconRefresh = icon('M19.5 11A7.5 7.5 0 1 0 17 17.5M19.5 5v6h-6');
export const IconRocket = icon('M9 15l-3-3c1-4 5-8 13-8 0 8-4 12-8 13zM6 12H3.5L6 9M12 18v2.5L15 18M14.5 9.5h.01M4 20l2.5-2.5');
export const IconSearch = icon('M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 20 20');
export const IconSun = icon('M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 2.5V5M12 19v2.5M2.5 12H5M19 12h2.5M5.3 5.3 7 7M17 17l1.7 1.7M18.7 5.3 17 7M7 17l-1.7 1.7');
export const IconTimeline = icon('M4 6h9M7 12h10M11 18h9');
