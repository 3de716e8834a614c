import './traces.css';
import { useParams } from 'react-router';
import { TraceList } from './TraceList';
import { TracePage } from './TracePage';

export default function Traces() {
  const { id } = useParams();
  return id ? <TracePage key={id} id={id} /> : <TraceList />;
}
