/** What the embedded receiver was sent. */
import { Badge, Group, Stack, Text } from '@mantine/core';
import { Loaded, Part } from '../../shared/Part';
import { Nothing } from '../../shared/states';
import { Time } from '../../shared/Time';
import { useNotifications, type Notified } from './data';

export function Notifications() {
  const query = useNotifications();
  return (
    <Part title="Notifications sent">
      <Loaded query={query} height={160}>
        {(sent) => (sent.length ? <Listed sent={sent} /> : <Empty />)}
      </Loaded>
    </Part>
  );
}

function Empty() {
  return (
    <Nothing title="No notification was taken.">
      The receiver of the embedded stack keeps what it is sent; where Alertmanager sends elsewhere, look there.
    </Nothing>
  );
}

function Listed({ sent }: { sent: readonly Notified[] }) {
  return (
    <Stack gap={0} role="list" aria-label="Notifications">
      {[...sent]
        .sort((a, b) => b.at - a.at)
        .map((one, at) => (
          <div key={`${one.at} ${at}`} role="listitem" className="alert-row" style={{ padding: '6px 4px' }}>
            <Text size="xs" c="dimmed" component="div">
              <Time milliseconds={one.at * 1000} />
            </Text>
            {one.alerts.map((alert, index) => (
              <Group key={index} gap="xs" wrap="nowrap" align="flex-start">
                <Badge size="sm" variant="light" color={alert.status === 'resolved' ? 'green' : 'red'} style={{ flexShrink: 0 }}>
                  {alert.status ?? 'firing'}
                </Badge>
                <Text size="sm" className="wrap-anywhere">
                  <b>{alert.labels?.alertname}</b> {alert.annotations?.summary}
                </Text>
              </Group>
            ))}
          </div>
        ))}
    </Stack>
  );
}
