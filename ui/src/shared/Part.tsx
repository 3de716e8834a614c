/** A part of a page that loads, is empty and fails by itself. */
import { Group, Paper, Text } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Boundary } from './Boundary';
import { Failed, Waiting } from './states';

interface PartProps {
  title: string;
  /** What stands at the right of the title. */
  aside?: ReactNode;
  children: ReactNode;
}

export function Part({ title, aside, children }: PartProps) {
  return (
    <Paper withBorder p="sm" component="section" aria-label={title} miw={0}>
      <Group justify="space-between" gap="xs" mb={6} mih={24}>
        <Text component="h2" fw={600} size="sm" m={0}>
          {title}
        </Text>
        {aside}
      </Group>
      <Boundary>{children}</Boundary>
    </Paper>
  );
}

interface LoadedProps<T> {
  query: UseQueryResult<T>;
  /** Pixels that it takes while it waits: about what it takes afterwards. */
  height?: number;
  children: (data: T) => ReactNode;
}

/** The data once they are there; a later failure stands above what was known before it. */
export function Loaded<T>({ query, height = 120, children }: LoadedProps<T>) {
  const { data, error } = query;
  const failed = error && <Failed error={error} retry={() => void query.refetch()} />;
  if (data === undefined) return failed ?? <Waiting height={height} />;
  return (
    <>
      {failed}
      {children(data)}
    </>
  );
}
