/** The runbook of an alert, in place. */
import { Paper } from '@mantine/core';
import { Loaded } from '../../shared/Part';
import { useRunbook } from './data';
import { Markdown } from '../../shared/Markdown';

export function Runbook({ name }: { name: string }) {
  const query = useRunbook(name);
  return (
    <Paper withBorder p="sm" component="article" aria-label={`Runbook of ${name}`} maw={820}>
      <Loaded query={query} height={120}>
        {({ markdown }) => <Markdown text={markdown} />}
      </Loaded>
    </Paper>
  );
}
