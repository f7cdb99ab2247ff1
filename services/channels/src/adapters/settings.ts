import { validate } from '@clawmesh/chassis'
import type { Locale } from '@clawmesh/contracts'
import { z } from 'zod'
import type { ChannelAdapter } from './adapter.ts'

/**
 * The config and credentials of an instance as its adapter reads them. Credentials that are absent are not looked at, as
 * they may come later.
 * @throws INVALID_REQUEST naming the first faulty field
 */
export const readSettings = (
  { configSchema, credentialsSchema }: Pick<ChannelAdapter, 'configSchema' | 'credentialsSchema'>,
  settings: { config: unknown; credentials?: unknown },
  locale: Locale,
): { config: unknown; credentials?: unknown } => {
  const schema = z.object({ config: configSchema, credentials: credentialsSchema.optional() })
  return validate(schema, settings, locale)
}
