/** From when to when, and how often to look again. */
import { ActionIcon, Button, Group, Menu, Popover, Select, Stack, TextInput, Tooltip } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState } from 'react';
import { IconClock, IconRefresh } from './shared/icons';
import { moment, presetName, PRESETS, REFRESHES, useRange, type RangeState } from './shared/range';

const SHORT = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });

const shown = (range: RangeState): string =>
  range.live && range.from.startsWith('now-') ? presetName(range.from) : SHORT.formatRange(range.start * 1000, range.end * 1000);

export function RangePicker() {
  const range = useRange();
  const [opened, { toggle, close }] = useDisclosure();
  return (
    <Group gap={4} wrap="nowrap">
      <Popover opened={opened} onChange={close} position="bottom-end" withArrow trapFocus>
        <Popover.Target>
          <Button variant="default" size="xs" px={8} leftSection={<IconClock size={14} />} onClick={toggle} aria-label={`Times: ${shown(range)}`}>
            {shown(range)}
          </Button>
        </Popover.Target>
        <Popover.Dropdown>{opened && <Choices range={range} close={close} />}</Popover.Dropdown>
      </Popover>
      <Tooltip label="Look again">
        <ActionIcon variant="default" size="input-xs" onClick={range.reload} aria-label="Look again">
          <IconRefresh size={16} />
        </ActionIcon>
      </Tooltip>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" size="xs" px={8} visibleFrom="sm" aria-label={`Look again: ${range.live ? range.refresh : 'off'}`}>
            {range.live ? range.refresh : 'off'}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {REFRESHES.map((every) => (
            <Menu.Item key={every} onClick={() => range.setRefresh(every)}>
              {every}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}

function Choices({ range, close }: { range: RangeState; close: () => void }) {
  const [from, setFrom] = useState(range.from);
  const [to, setTo] = useState(range.to);
  const bad = (text: string) => (moment(text, 0) === null ? 'now-1h, 2026-01-31T12:00, or milliseconds' : null);
  const use = (first: string, last: string) => {
    range.setRange(first, last);
    close();
  };
  const wrong = bad(from) ?? bad(to);
  return (
    <Stack gap="xs" w={240}>
      <Select
        label="Range"
        size="xs"
        data={PRESETS.map((value) => ({ value, label: presetName(value) }))}
        value={range.live ? range.from : null}
        placeholder="of your own"
        onChange={(value) => value && use(value, 'now')}
        comboboxProps={{ withinPortal: false }}
      />
      <TextInput label="From" size="xs" value={from} onChange={(event) => setFrom(event.currentTarget.value)} error={bad(from)} />
      <TextInput label="To" size="xs" value={to} onChange={(event) => setTo(event.currentTarget.value)} error={bad(to)} />
      <Button size="xs" disabled={wrong !== null} onClick={() => use(from, to)}>
        Show
      </Button>
    </Stack>
  );
}
