/** The form of an answer that a request asks for, as the providers service takes it. */
import type { ResponseFormat } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'

interface Schema {
  name: string
  description?: string | null | undefined
  schema?: object | undefined
  strict?: boolean | null | undefined
}

export const formatOf = (
  type: 'json_object' | 'json_schema',
  { name, description, schema, strict }: Schema = { name: '' },
): ResponseFormat => ({
  type,
  name,
  description: description ?? '',
  schemaJson: schema === undefined ? '' : JSON.stringify(schema),
  strict: strict ?? undefined,
})
