import { expect, test } from 'vitest';
import { environment, LANGUAGES } from './languages';

const both = { http: 'http://h:4318', grpc: 'http://h:4317' };

test.each(LANGUAGES.map((language) => [language.name, language] as const))('%s has an example of five lines and an endpoint of its protocol', (_, language) => {
  expect(language.example.split('\n')).toHaveLength(5);
  const set = environment(language, both, 'shop');
  expect(set).toContain('OTEL_SERVICE_NAME=shop');
  expect(set).toContain(language.protocol === 'grpc' ? 'OTLP_ENDPOINT=http://h:4317\n' : 'OTLP_ENDPOINT=http://h:4318\n');
  expect(set).toContain(`PROTOCOL=${language.protocol}`);
});

test('where one protocol is served only, it is named', () => {
  const dotnet = LANGUAGES.find((language) => language.id === 'dotnet')!;
  expect(environment(dotnet, { http: 'http://h:4318', grpc: null }, 's')).toContain('ENDPOINT=http://h:4318\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf');
  expect(environment(dotnet, { http: null, grpc: null }, 's')).toBe('');
});
