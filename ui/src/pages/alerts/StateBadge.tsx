import { Badge } from '@mantine/core';
import type { State } from './model';

const COLOURS: Record<State, string> = { firing: 'red', pending: 'orange', silenced: 'grape', inhibited: 'gray', inactive: 'gray' };

export function StateBadge({ state }: { state: State }) {
  return (
    <Badge color={COLOURS[state]} variant="light" size="sm" miw={76} style={{ flexShrink: 0 }}>
      {state}
    </Badge>
  );
}
