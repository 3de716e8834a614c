/** The field that `/` leads to and Escape leaves. */
import { TextInput } from '@mantine/core';
import { useRef } from 'react';
import { IconSearch } from '../../shared/icons';
import { useKeys } from '../../shared/keys';

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** What Escape does outside of the field. */
  onLeave?: () => void;
}

export function Find({ label, value, onChange, onLeave }: Props) {
  const field = useRef<HTMLInputElement>(null);
  useKeys({
    '/': () => field.current?.focus(),
    Escape: () => {
      if (document.activeElement === field.current) field.current?.blur();
      else onLeave?.();
    },
  });
  return (
    <TextInput
      ref={field}
      size="xs"
      aria-label={label}
      placeholder={`${label} (/)`}
      leftSection={<IconSearch size={14} />}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      style={{ flex: '1 1 180px' }}
    />
  );
}
