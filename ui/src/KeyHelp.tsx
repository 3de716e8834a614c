import { Kbd, Modal, Table } from '@mantine/core';
import { PAGES } from './pages';

const COMMON: readonly [string, string][] = [
  ['/', 'search or query on this page'],
  ['j  k', 'next, previous row'],
  ['Enter', 'open it'],
  ['Esc', 'close, leave the field'],
  ['?', 'these keys'],
];

export function KeyHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const rows = [...PAGES.map((page): [string, string] => [`g ${page.key}`, page.title]), ...COMMON];
  return (
    <Modal opened={opened} onClose={onClose} title="Keys" size="sm">
      <Table>
        <Table.Tbody>
          {rows.map(([keys, what]) => (
            <Table.Tr key={keys}>
              <Table.Td>
                {keys.split(/ +/).map((key) => (
                  <Kbd key={key} mr={4}>
                    {key}
                  </Kbd>
                ))}
              </Table.Td>
              <Table.Td>{what}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}
