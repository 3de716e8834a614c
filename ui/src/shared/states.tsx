/** What a page shows while it waits, when there is nothing, and when something failed: each says what to do. */
import { Alert, Anchor, Center, Code, Loader, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { ApiError } from './api/http';
import { IconAlert } from './icons';

export function Waiting({ height = 160 }: { height?: number }) {
  return (
    <Center h={height} role="status" aria-label="loading">
      <Loader size="sm" type="dots" />
    </Center>
  );
}

export function Nothing({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Center p="lg">
      <Stack gap={4} align="center" maw={560}>
        <Text fw={500}>{title}</Text>
        {children && (
          <Text size="sm" c="dimmed" ta="center" component="div">
            {children}
          </Text>
        )}
      </Stack>
    </Center>
  );
}

export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof ApiError ? error.hint : '';
  return (
    <Alert color="red" variant="light" icon={<IconAlert size={18} />} title={message} className="wrap-anywhere">
      {hint && <Code>{hint}</Code>}{' '}
      {retry && (
        <Anchor component="button" type="button" size="sm" onClick={retry}>
          Try again
        </Anchor>
      )}
    </Alert>
  );
}
