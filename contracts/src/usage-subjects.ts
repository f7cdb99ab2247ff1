/** Whom usage caps are about, as a model call names them. */
import type { capScopes } from './http/traces/usage-caps.ts'

/** Empty where it is not known. */
export interface UsageSubjectNames {
  /** An id. */
  apiKey: string
  user: string
  /** An id. */
  agent: string
  provider: string
  model: string
}

export type CapScope = (typeof capScopes)[number]

/** Models are the same whatever the case of their names. */
const inScope: Readonly<Record<CapScope, (names: UsageSubjectNames) => string>> = {
  tenant: () => '',
  api_key: ({ apiKey }) => apiKey,
  user: ({ user }) => user,
  agent: ({ agent }) => agent.toLowerCase(),
  provider: ({ provider }) => provider,
  model: ({ model }) => model.toLowerCase(),
}

/**
 * Whose usage a call counts as for a cap; empty for the tenant. Undefined where the cap is not about the call.
 *
 * @param cap its `subject` is empty for one on each of its scope: somebody who is not known is in nobody's way
 */
export const usageSubject = (
  cap: { scope: CapScope; subject: string },
  names: UsageSubjectNames,
): string | undefined => {
  const subject = inScope[cap.scope](names)
  const isAbout = cap.subject === '' ? cap.scope === 'tenant' || subject !== '' : cap.subject === subject
  return isAbout ? subject : undefined
}
