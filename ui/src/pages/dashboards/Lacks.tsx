/** What of a dashboard is not drawn, in one place. */
import { Alert, Anchor, Text } from '@mantine/core';
import { useMemo, useState } from 'react';
import { lacks } from './drawable';
import type { Board } from './grafana/model';

const FIRST = 4;

/** `notes` are what is lost besides, with what is chosen. */
export function Lacks({ board, notes }: { board: Board; notes: readonly string[] }) {
  const all = useMemo(() => [...lacks(board), ...notes.map((what) => ({ where: '', what }))], [board, notes]);
  const [whole, setWhole] = useState(false);
  if (!all.length) return null;
  return (
    <Alert color="orange" variant="light" mb="xs" title={`${all.length} ${all.length === 1 ? 'thing is' : 'things are'} not drawn as the file has ${all.length === 1 ? 'it' : 'them'}`}>
      {(whole ? all : all.slice(0, FIRST)).map(({ where, what }, index) => (
        <Text key={`${where}-${index}`} size="sm" className="wrap-anywhere">
          {where && <b>{where}: </b>}
          {what}
        </Text>
      ))}
      {all.length > FIRST && (
        <Anchor component="button" type="button" size="sm" onClick={() => setWhole(!whole)}>
          {whole ? 'Less' : `All ${all.length}`}
        </Anchor>
      )}
    </Alert>
  );
}
