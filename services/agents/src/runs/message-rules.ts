/** Limits of what users may say. */
import type { Call } from '@clawmesh/chassis'
import { z } from 'zod'

export const injectionActions = ['off', 'log', 'warn', 'block'] as const

export interface MessageRules {
  /** Characters; longer messages are cut. */
  readonly maxChars: number
  /** What happens to a message that looks like a prompt injection. */
  readonly injectionAction: (typeof injectionActions)[number]
}

export type MessageRulesOf = (call: Call) => Promise<MessageRules>

const tenantRules = z.object({
  'gateway.max_message_chars': z
    .string()
    .regex(/^[1-9]\d{0,8}$/)
    .transform(Number)
    .optional()
    .catch(undefined),
  'gateway.injection_action': z.enum(injectionActions).optional().catch(undefined),
})

/** A tenant's system configs over the rules of the installation; a value that makes no sense counts as not set. */
export const messageRules = (own: Readonly<Record<string, string>>, installation: MessageRules): MessageRules => {
  const values = tenantRules.parse(own)
  return {
    maxChars: values['gateway.max_message_chars'] ?? installation.maxChars,
    injectionAction: values['gateway.injection_action'] ?? installation.injectionAction,
  }
}
