import { Nothing } from '../../shared/states';

export default function Verify() {
  return <Nothing title="Verify" />;
}
