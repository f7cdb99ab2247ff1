/** From what clients send, aliases and all, to what an agent is made of. */
import type { AgentChanges, AgentInput, HeldObject, Json } from './types.ts'

const heldObjects: readonly HeldObject[] = ['toolsConfig', 'otherConfig']
/** Values below 1 count as left out. */
const positive = ['contextWindow', 'maxToolIterations'] as const

const given = <T extends object>(entries: T): Partial<T> =>
  Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as Partial<T>

/**
 * The fields that an input sets. Canonical names win over aliases; `description` and `systemPrompt` go into the other
 * config, on top of `stored` when the input brings none of its own.
 */
export const agentChanges = (
  { name, monthlyCents, description, systemPrompt, ...input }: AgentInput,
  stored: Json = {},
): AgentChanges => {
  const aliased = given({ description, system_prompt: systemPrompt })
  const hasAliased = Object.keys(aliased).length > 0
  const fields: AgentInput = {
    agentKey: name,
    budgetMonthlyCents: monthlyCents,
    ...given(input),
    ...(hasAliased
      ? {
          otherConfig: {
            ...aliased,
            ...(input.otherConfig === undefined ? { ...stored, ...aliased } : input.otherConfig),
          },
        }
      : {}),
  }
  for (const field of positive) if ((fields[field] ?? 1) < 1) delete fields[field]
  for (const field of heldObjects) if (fields[field] === null) fields[field] = {}
  return given(fields) as AgentChanges
}
